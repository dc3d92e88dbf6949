"""Requests and answers of `activity`, and the one call that serves each."""
