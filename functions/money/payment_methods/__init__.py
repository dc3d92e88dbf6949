"""Requests and answers of `payment_methods`, and the one call that serves each."""
