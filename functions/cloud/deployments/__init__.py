"""Endpoints, tasks and workers of deployments."""
