"""Requests and answers of `invitations`, and the one call that serves each."""
