"""Payments into a balance: checkout, webhooks, settlement."""
