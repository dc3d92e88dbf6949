"""Endpoints of the area `foundation`."""
