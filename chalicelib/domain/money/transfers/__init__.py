"""Transfers of money between a user's own customers."""
