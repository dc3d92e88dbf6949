"""Endpoints and schedules of invoices."""
