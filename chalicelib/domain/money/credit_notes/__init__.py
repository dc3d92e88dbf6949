"""Corrections of invoices."""
