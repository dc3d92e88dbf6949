"""Builds machines for contract cases, waits for them, and deletes every one of them."""

import secrets
import time
from collections.abc import Callable

from chalicelib.domain.cloud.providers.errors import ProviderError
from chalicelib.domain.cloud.providers.machines import Machine, MachineRef, MachineSpec, MachineState, Power
from chalicelib.domain.cloud.providers.ports import ComputeProvider, SupportsPowerActions
from tests.contract.lab import Lab


class MachineRoom:
    """Where a case gets its machines."""

    def __init__(self, lab: Lab, provider: ComputeProvider) -> None:
        self.lab = lab
        self.provider = provider
        self._made: list[tuple[ComputeProvider, MachineRef]] = []

    def reserve(self, *, placement: str | None = None, provider: ComputeProvider | None = None) -> MachineRef:
        """A name that nothing has; whatever comes to have it is deleted in the end."""
        chosen = placement or self.lab.placements()[0]
        ref = MachineRef(self.lab.region, chosen, f"contract-{secrets.token_hex(6)}")
        self._made.append((provider or self.provider, ref))
        return ref

    def start(self, spec: MachineSpec) -> MachineRef:
        """A machine whose creation has been asked for."""
        return self.provider.create(self.reserve(), spec)

    def build(self, spec: MachineSpec) -> MachineRef:
        """A machine that is READY."""
        ref = self.start(spec)
        machine = self.settled(ref)
        assert machine.state is MachineState.READY, machine
        return ref

    def settled(self, ref: MachineRef) -> Machine:
        """The machine once it is no longer BUILDING."""
        return self.wait(ref, lambda machine: machine.state is not MachineState.BUILDING)

    def gone(self, ref: MachineRef) -> Machine:
        """The machine once it is GONE."""
        return self.wait(ref, lambda machine: machine.state is MachineState.GONE)

    def wait(self, ref: MachineRef, until: Callable[[Machine], bool]) -> Machine:
        """The machine at the first look at which `until` holds."""
        deadline = time.monotonic() + self.lab.patience_seconds
        while not until(machine := self.provider.get(ref)):
            assert time.monotonic() < deadline, machine
            time.sleep(self.lab.poll_seconds)
        return machine

    def powered(self, ref: MachineRef, wanted: Power) -> Power:
        """What the machine's power has come to, once it is `wanted` or patience is at its end."""
        provider = self.provider
        assert isinstance(provider, SupportsPowerActions)
        deadline = time.monotonic() + self.lab.patience_seconds
        while (power := provider.power(ref)) is not wanted and time.monotonic() < deadline:
            time.sleep(self.lab.poll_seconds)
        return power

    def clear(self) -> None:
        """Delete everything and wait until it is gone, asking again where a deletion failed.

        Raises:
            ExceptionGroup: what kept machines from going, each tried to the end of patience.
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
