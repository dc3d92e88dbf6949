"""Endpoints of a staff member's own profile."""
