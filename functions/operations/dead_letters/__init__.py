"""Requests and answers of `dead_letters`, and the one call that serves each."""
