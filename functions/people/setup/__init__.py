"""Requests and answers of `setup`, and the one call that serves each."""
