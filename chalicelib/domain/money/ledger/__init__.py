"""Customers' accounts, entries and holds."""
