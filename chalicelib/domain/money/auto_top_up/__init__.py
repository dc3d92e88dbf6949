"""Charging a saved card when the balance runs low."""
