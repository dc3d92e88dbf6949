"""Payments into a balance: asking, webhooks, settlement."""
