"""Requests and answers of `proof`, and the one call that serves each."""
