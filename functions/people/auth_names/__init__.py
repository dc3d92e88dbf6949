"""Requests and answers of `auth_names`, and the one call that serves each."""
