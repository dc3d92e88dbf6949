"""Scopes, roles, API keys, rate limits and idempotency keys."""
