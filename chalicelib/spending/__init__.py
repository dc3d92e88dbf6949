"""Spend caps: how much a customer, or an API key, may spend in a day and in a month."""
