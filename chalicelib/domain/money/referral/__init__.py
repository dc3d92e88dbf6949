"""Codes that reward a customer for bringing another."""
