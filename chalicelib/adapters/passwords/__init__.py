"""Slow hashes for passwords."""
