"""Alerts to the operator's staff."""
