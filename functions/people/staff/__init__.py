"""Endpoints of the staff."""
