"""Requests and answers of `departure`, and the one call that serves each."""
