"""Requests and answers of `staff`, and the one call that serves each."""
