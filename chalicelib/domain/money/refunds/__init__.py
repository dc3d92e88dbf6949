"""Sending money back."""
