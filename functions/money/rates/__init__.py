"""Requests and answers of `rates`, and the one call that serves each."""
