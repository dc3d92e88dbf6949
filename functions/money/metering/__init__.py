"""Schedules and queue workers of metering."""
