"""Requests and answers of `balance`, and the one call that serves each."""
