"""Requests and answers of `suspension`, and the one call that serves each."""
