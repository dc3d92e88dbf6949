"""Invoices, billing profiles and VAT."""
