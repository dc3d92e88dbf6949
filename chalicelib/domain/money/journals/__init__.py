"""Exports of the ledger in formats for accountants."""
