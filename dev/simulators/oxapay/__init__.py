"""A simulated OxaPay: the white-label part of its merchant API v1."""

from dev.simulators.oxapay.simulator import OxaPaySimulator

__all__ = ["OxaPaySimulator"]
