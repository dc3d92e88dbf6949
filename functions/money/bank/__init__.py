"""Requests and answers of `bank`, and the one call that serves each."""
