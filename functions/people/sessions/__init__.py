"""Requests and answers of `sessions`, and the one call that serves each."""
