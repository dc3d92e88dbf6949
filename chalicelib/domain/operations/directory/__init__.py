"""Customers as the staff find and change them."""
