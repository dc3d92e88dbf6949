"""Proof that ledger, meters, deployments and payments agree."""
