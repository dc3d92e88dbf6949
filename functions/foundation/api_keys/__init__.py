"""Requests and answers of `api_keys`, and the one call that serves each."""
