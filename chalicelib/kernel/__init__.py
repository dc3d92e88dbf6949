"""Code that every context uses and that depends on no context: money, ids, time, errors, limits, transactions."""
