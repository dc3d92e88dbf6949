"""Endpoint of the activity log."""
