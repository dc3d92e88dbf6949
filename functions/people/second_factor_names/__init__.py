"""Requests and answers of `second_factor_names`, and the one call that serves each."""
