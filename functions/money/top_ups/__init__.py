"""Endpoints, webhooks and workers of top-ups."""
