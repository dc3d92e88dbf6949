"""Refunds of top-ups."""
