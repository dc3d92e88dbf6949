"""A simulated OpenStack: several regions in one process, modelled on the answers of a real one."""

from dev.simulators.openstack.simulator import OpenStackSimulator

__all__ = ["OpenStackSimulator"]
