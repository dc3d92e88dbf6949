"""Saved cards, and charging them."""
