"""Requests and answers of `me`, and the one call that serves each."""
