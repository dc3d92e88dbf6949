"""Requests and answers of `deployments`, and the one call that serves each."""
