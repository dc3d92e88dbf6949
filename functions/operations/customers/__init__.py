"""Requests and answers of `customers`, and the one call that serves each."""
