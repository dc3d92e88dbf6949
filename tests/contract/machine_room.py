"""Builds machines for contract cases, waits for them, and deletes all of them."""

import secrets
import time
from collections.abc import Callable

from chalicelib.domain.cloud.providers.errors import ProviderError
from chalicelib.domain.cloud.providers.models import Machine, MachineRef, MachineSpec, MachineState, Power
from chalicelib.domain.cloud.providers.ports import ComputeProvider, SupportsPowerActions
from tests.contract.lab import Lab


class MachineRoom:
    """Provides the machines of a case."""

    def __init__(self, lab: Lab, provider: ComputeProvider) -> None:
        self.lab = lab
        self.provider = provider
        self._made: list[tuple[ComputeProvider, MachineRef]] = []

    def reserve(self, *, placement: str | None = None, provider: ComputeProvider | None = None) -> MachineRef:
        """Return an unused machine name; at the end, a machine with this name is deleted."""
        chosen = placement or self.lab.placements()[0]
        ref = MachineRef(self.lab.region, chosen, f"contract-{secrets.token_hex(6)}")
        self._made.append((provider or self.provider, ref))
        return ref

    def start(self, spec: MachineSpec) -> MachineRef:
        """Request the creation of a machine."""
        return self.provider.create(self.reserve(), spec)

    def build(self, spec: MachineSpec) -> MachineRef:
        """Create a machine, and wait until it is READY."""
        ref = self.start(spec)
        machine = self.settled(ref)
        assert machine.state is MachineState.READY, machine
        return ref

    def settled(self, ref: MachineRef) -> Machine:
        """Wait until the machine is no longer BUILDING."""
        return self.wait(ref, lambda machine: machine.state is not MachineState.BUILDING)

    def gone(self, ref: MachineRef) -> Machine:
        """Wait until the machine is GONE."""
        return self.wait(ref, lambda machine: machine.state is MachineState.GONE)

    def wait(self, ref: MachineRef, until: Callable[[Machine], bool]) -> Machine:
        """Read the machine until `until` is true, and return it."""
        deadline = time.monotonic() + self.lab.patience_seconds
        while not until(machine := self.provider.get(ref)):
            assert time.monotonic() < deadline, machine
            time.sleep(self.lab.poll_seconds)
        return machine

    def powered(self, ref: MachineRef, wanted: Power) -> Power:
        """Return the machine's power state as soon as it is `wanted`, or after the time limit."""
        provider = self.provider
        assert isinstance(provider, SupportsPowerActions)
        deadline = time.monotonic() + self.lab.patience_seconds
        while (power := provider.power(ref)) is not wanted and time.monotonic() < deadline:
            time.sleep(self.lab.poll_seconds)
        return power

    def clear(self) -> None:
        """Delete all machines and wait until they are gone; repeat deletions that failed.

        Raises:
            ExceptionGroup: the reasons for which machines could not be deleted in time.
        """
        problems = [
            problem for provider, ref in self._made if (problem := self._delete(provider, ref)) is not None
        ]
        if problems:
            raise ExceptionGroup("machines are left behind", problems)

    def _delete(self, provider: ComputeProvider, ref: MachineRef) -> Exception | None:
        deadline = time.monotonic() + self.lab.patience_seconds
        problem: Exception | None = None
        while time.monotonic() < deadline:
            try:
                machine = provider.get(ref)
                if machine.state is MachineState.GONE:
                    return None
                problem = AssertionError(machine)
                if machine.state is not MachineState.DELETING:
                    provider.delete(ref)
            except ProviderError as error:
                problem = error
            time.sleep(self.lab.poll_seconds)
        return problem
