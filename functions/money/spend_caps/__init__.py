"""Requests and answers of `spend_caps`, and the one call that serves each."""
