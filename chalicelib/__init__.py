"""Hearth's code that is not an entry point: contexts, adapters and what the entry points share."""

import gc

gc.set_threshold(
    100_000, 50, 100
)  # what a cold function imports stays: to look through it again and again is vain
