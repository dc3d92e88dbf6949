"""Requests and answers of `auto_top_up`, and the one call that serves each."""
