"""Requests and answers of `second_factor`, and the one call that serves each."""
