"""Endpoints of members and roles."""
