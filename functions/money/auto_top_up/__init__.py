"""Endpoints and schedules of auto top-up."""
