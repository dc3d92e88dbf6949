"""Entry points: one decorated function is one Lambda."""
