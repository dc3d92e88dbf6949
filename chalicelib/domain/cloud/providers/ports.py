"""The port of providers of machines: required methods, and optional capabilities."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from chalicelib.domain.cloud.providers.models import (
    Blocker,
    Machine,
    MachineEvent,
    MachineOutputs,
    MachineRef,
    MachineSpec,
    OwnedMachine,
    Power,
)


class ComputeProvider(Protocol):
    """One kind of provider. Every call has a time-out and raises only `ProviderError`s.

    The contract suite (`tests/contract/`) checks every adapter against these docstrings.
    """

    def place(self, region: str) -> str:
        """Choose the account or project for a new machine: the least full one of `region` with room.

        Raises:
            QuotaExceeded: all of them are full.
        """
        ...

    def create(self, ref: MachineRef, spec: MachineSpec) -> MachineRef:
        """Start building `ref.name`, or find the machine if it exists. Returns `ref` with its id.

        Does not wait for the machine to be READY.

        Raises:
            SpecRejected, CapacityUnavailable, QuotaExceeded, ProviderDenied: nothing was created.
            ProviderUnreachable: it may have been created; `get` by name tells (G20).
            ProviderThrottled: nothing was created; try again later.
        """
        ...

    def get(self, ref: MachineRef) -> Machine:
        """Return the machine, found by id if `ref` has one, else by name. A machine that does not exist is
        GONE.
        """
        ...

    def events(self, ref: MachineRef, after: str | None) -> Sequence[MachineEvent]:
        """Return the progress log after the event `after`, oldest first, without loss or repetition.

        An unknown `after` raises nothing and returns the log from the beginning: callers drop events they have, by
        id.
        """
        ...

    def outputs(self, ref: MachineRef) -> MachineOutputs:
        """Return how to reach a machine that is READY.

        Raises:
            ProviderError: it is not READY.
        """
        ...

    def delete(self, ref: MachineRef) -> None:
        """Start deleting; succeeds if the machine does not exist. Works during a create (G23)."""
        ...

    def list_owned(self, region: str) -> Iterator[OwnedMachine]:
        """Yield every machine in `region`, in any project, that has this installation's tag."""
        ...


@runtime_checkable
class SupportsUnblocking(Protocol):
    """A provider whose deletions can be blocked by other resources (G24)."""

    def blockers(self, ref: MachineRef) -> Sequence[Blocker]:
        """Return the remaining parts of a machine whose deletion failed."""
        ...

    def remove_blockers(self, ref: MachineRef) -> Sequence[Blocker]:
        """Remove those parts if possible; return those that remain."""
        ...


@runtime_checkable
class SupportsPowerActions(Protocol):
    """A provider that can switch a machine off, keeping its disk, and on again."""

    def power(self, ref: MachineRef) -> Power:
        """Whether the machine runs; one that does not exist is GONE."""
        ...

    def stop(self, ref: MachineRef) -> None:
        """Start switching off; does nothing if it is off, switching off, or does not exist."""
        ...

    def start(self, ref: MachineRef) -> None:
        """Start switching on; does nothing if it is on, switching on, or does not exist."""
        ...


@runtime_checkable
class SupportsCapacity(Protocol):
    """A provider that can report free capacity."""

    def free_units(self, region: str) -> Mapping[str, int]:
        """Return the free units by resource class, such as `{"CUSTOM_GPU_H100_PCIE": 12}`."""
        ...


class Providers(Protocol):
    """The providers by id."""

    def __call__(self, provider: str) -> ComputeProvider:
        """Return the adapter of `provider`."""
        ...
