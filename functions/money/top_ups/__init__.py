"""Requests and answers of `top_ups`, and the one call that serves each."""
