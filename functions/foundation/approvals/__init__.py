"""Requests and answers of `approvals`, and the one call that serves each."""
