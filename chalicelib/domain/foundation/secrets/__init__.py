"""Secrets that must be read again."""
