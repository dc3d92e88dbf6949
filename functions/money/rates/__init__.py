"""Endpoints of exchange rates."""
