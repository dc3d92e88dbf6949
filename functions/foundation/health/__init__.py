"""Requests and answers of `health`, and the one call that serves each."""
