"""Endpoint of the health report."""
