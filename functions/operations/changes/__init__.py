"""Requests and answers of `changes`, and the one call that serves each."""
