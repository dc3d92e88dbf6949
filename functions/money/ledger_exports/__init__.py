"""Endpoint of ledger exports."""
