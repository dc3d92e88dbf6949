"""Proof that ledger, meters, machines and payments agree."""
