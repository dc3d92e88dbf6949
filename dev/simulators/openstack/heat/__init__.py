"""Heat v1: stacks, their events, resources and outputs."""

from dev.simulators.openstack.heat import reading, writing
from dev.simulators.openstack.heat.common import service

__all__ = ["reading", "service", "writing"]
