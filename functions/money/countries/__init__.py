"""Endpoint of the list of countries."""
