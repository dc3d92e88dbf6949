"""A simulated OpenStack: several regions in one process, shaped after the answers of a real one."""

from dev.simulators.openstack.simulator import OpenStackSimulator

__all__ = ["OpenStackSimulator"]
