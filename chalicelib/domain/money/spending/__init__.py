"""Spend caps of customers and of API keys."""
