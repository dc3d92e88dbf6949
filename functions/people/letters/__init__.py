"""Requests and answers of `letters`, and the one call that serves each."""
