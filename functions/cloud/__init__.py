"""Endpoints, tasks and workers of the area `cloud`."""
