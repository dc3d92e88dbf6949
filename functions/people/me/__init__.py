"""Endpoint of the signed-in user."""
