"""Sample functions."""
