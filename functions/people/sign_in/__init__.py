"""Requests and answers of `sign_in`, and the one call that serves each."""
