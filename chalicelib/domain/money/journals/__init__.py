"""The ledger in the forms that accountants read."""
