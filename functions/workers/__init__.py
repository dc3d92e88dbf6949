"""Schedules, queues and the table's stream."""
