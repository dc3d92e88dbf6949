"""Endpoints and workers of the area `people`."""
