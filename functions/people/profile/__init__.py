"""Requests and answers of `profile`, and the one call that serves each."""
