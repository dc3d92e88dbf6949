"""Endpoints and schedules of the catalogue."""
