"""Endpoints of a user's profile and settings."""
