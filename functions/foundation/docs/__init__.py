"""Endpoint of the API's documentation."""
