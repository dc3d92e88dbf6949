"""Requests and answers of `ownership`, and the one call that serves each."""
