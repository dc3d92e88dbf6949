"""Turns seconds of use into ledger entries."""
