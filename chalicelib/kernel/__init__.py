"""What every context shares and nothing else knows: money, ids, time, errors, limits, transactions."""
