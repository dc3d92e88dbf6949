"""Endpoints of spend caps."""
