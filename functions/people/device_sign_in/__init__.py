"""Endpoints of the sign-in of devices."""
