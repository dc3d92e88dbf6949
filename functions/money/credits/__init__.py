"""Endpoint for credits by staff."""
