"""Endpoints of the second factor."""
