"""Endpoints of a user's own account."""
