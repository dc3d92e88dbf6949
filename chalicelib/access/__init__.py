"""Who may do what, how often, and once: scopes, roles, rate limits, idempotency keys."""
