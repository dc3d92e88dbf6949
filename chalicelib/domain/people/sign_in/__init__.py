"""Signing in, and opening, refreshing and ending sessions."""
