"""Requests and answers of `ssh_keys`, and the one call that serves each."""
