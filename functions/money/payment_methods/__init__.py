"""Endpoints of saved payment methods."""
