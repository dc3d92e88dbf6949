"""Requests and answers of `account`, and the one call that serves each."""
