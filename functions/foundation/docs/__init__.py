"""Requests and answers of `docs`, and the one call that serves each."""
