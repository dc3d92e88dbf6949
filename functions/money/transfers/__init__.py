"""Endpoints of transfers."""
