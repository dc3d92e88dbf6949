"""Requests and answers of `catalog`, and the one call that serves each."""
