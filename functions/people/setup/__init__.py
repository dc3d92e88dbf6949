"""Endpoint of the first set-up."""
