"""Endpoints of dead letters."""
