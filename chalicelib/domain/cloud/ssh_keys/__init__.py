"""Customers' SSH keys."""
