"""Requests and answers of `countries`, and the one call that serves each."""
