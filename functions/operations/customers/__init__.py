"""Endpoints for staff about customers."""
