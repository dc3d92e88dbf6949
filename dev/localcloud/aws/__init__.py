"""The local AWS: ministack with its gaps closed, an API front door, a mailbox and a control port.

One process serves all of it. `launch.py` is where it starts.
"""
