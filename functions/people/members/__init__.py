"""Requests and answers of `members`, and the one call that serves each."""
