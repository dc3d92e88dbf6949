"""Requests and answers of `ledger_exports`, and the one call that serves each."""
