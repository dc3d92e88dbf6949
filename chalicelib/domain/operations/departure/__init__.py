"""Closing a customer, and exporting or erasing a person's data."""
