"""Requests and answers of `directory`, and the one call that serves each."""
