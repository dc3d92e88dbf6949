"""Customers' accounts, ledger entries and holds."""
