"""Requests and answers of `invoices`, and the one call that serves each."""
