"""Endpoints and worker of registration and sign-in."""
