"""Benchmarks. Results are ratios within one run, because absolute times depend on the machine.

They run on the real parts: the door, the repositories and a real DynamoDB engine (dynoxide, in memory).
"""
