"""Stripe as a payment gateway: cards, saved cards, refunds and disputes."""
