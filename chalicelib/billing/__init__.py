"""Invoices, credit notes and the tax on them; the ledger's entries in the forms that accountants read."""
