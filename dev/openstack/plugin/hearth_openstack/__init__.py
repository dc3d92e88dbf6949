"""Drivers for a control plane without hosts and storage.

Neutron waits for an agent on each host before it binds a port, and Cinder for a storage array before it makes a
volume. There are none here, so these drivers answer for them at once.
"""
