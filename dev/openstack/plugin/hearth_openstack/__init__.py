"""Drivers for a control plane that has nothing to control.

Neutron waits for an agent on each host before it binds a port, and Cinder for a storage array before it
makes a volume. Here there are none, so these drivers answer in their place at once.
"""
