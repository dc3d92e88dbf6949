"""Stripe behind the payments port: cards, saved cards, refunds and disputes."""
