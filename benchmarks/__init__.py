"""What things cost, as ratios within one run: absolute times belong to the machine that ran it.

Everything runs on the real parts: the door, the repositories and a real DynamoDB engine (dynoxide, in memory).
"""
