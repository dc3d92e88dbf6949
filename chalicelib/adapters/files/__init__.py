"""Reads data files that are part of the product."""
