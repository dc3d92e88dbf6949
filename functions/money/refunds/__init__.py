"""Endpoints and schedules of refunds."""
