"""Requests and answers of `organisations`, and the one call that serves each."""
