"""Endpoints of the bank desk."""
