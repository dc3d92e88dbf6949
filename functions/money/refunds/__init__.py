"""Requests and answers of `refunds`, and the one call that serves each."""
