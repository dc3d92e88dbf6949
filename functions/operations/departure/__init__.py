"""Schedules of data exports and of the erasure of closed customers."""
