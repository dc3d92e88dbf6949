"""Encrypted secrets that must be readable later."""
