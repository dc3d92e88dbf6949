"""Endpoints of SSH keys."""
