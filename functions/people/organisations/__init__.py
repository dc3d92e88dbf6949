"""Endpoints of a user's customers."""
