"""Limits on attempts to prove an identity."""
