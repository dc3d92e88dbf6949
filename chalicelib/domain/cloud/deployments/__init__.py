"""Deployments: ordering, reading and deleting machines."""
