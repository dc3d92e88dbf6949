"""Registering, and changing or recovering a password or an address."""
