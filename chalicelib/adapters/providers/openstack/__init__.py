"""Machines on OpenStack: one deployment is one Heat stack.

`provider` is the port; `config` is what an operator writes; the rest speaks HTTP through openstacksdk's session.
openstacksdk takes up to a second to import, so nothing here imports it before the first call needs it.
"""
