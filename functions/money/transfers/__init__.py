"""Requests and answers of `transfers`, and the one call that serves each."""
