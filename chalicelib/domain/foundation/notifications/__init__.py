"""Telling the people who run the product."""
