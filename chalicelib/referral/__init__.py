"""Customers who bring customers: codes, who may redeem one, and what both get for it."""
