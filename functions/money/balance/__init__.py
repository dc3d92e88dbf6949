"""Endpoints of the balance and the ledger."""
