"""Requests and answers of `projects`, and the one call that serves each."""
