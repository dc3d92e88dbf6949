"""Hearth's code that is not an entry point: contexts, adapters and what the entry points share."""
