"""Endpoints and workers of the area `operations`."""
