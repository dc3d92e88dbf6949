"""The local AWS: ministack with patches, a front door for the API, a mailbox and a control port.

One process serves them all. `launch.py` starts it.
"""
