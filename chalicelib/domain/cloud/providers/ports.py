"""The port that every provider of machines stands behind: what all do, and what some do besides."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from chalicelib.domain.cloud.providers.machines import (
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
    """One kind of upstream. Every call has a time-out and raises only `ProviderError`s, which API answers can be.

    The contract suite (`tests/contract/`) holds every adapter to what is written here.
    """

    def place(self, region: str) -> str:
        """Choose where a new machine goes: the least full project of `region` that has room.

        Raises:
            QuotaExceeded: all of them are full.
        """
        ...

    def create(self, ref: MachineRef, spec: MachineSpec) -> MachineRef:
        """Start building `ref.name`; creating what is there finds it. Returns `ref` with its id.

        Does not wait for the machine to be READY.

        Raises:
            SpecRejected, CapacityUnavailable, QuotaExceeded, ProviderDenied: nothing was made.
            ProviderUnreachable: it may have been made; `get` by name tells (G20).
            ProviderThrottled: nothing was made; try again later.
        """
        ...

    def get(self, ref: MachineRef) -> Machine:
        """Look at a machine, by id where `ref` has one, else by name. One that is not there is GONE."""
        ...

    def events(self, ref: MachineRef, after: str | None) -> Sequence[MachineEvent]:
        """The progress log after the event `after`, oldest first, without loss or repeat.

        An unknown `after` raises nothing and starts from the beginning: callers drop what they have by id.
        """
        ...

    def outputs(self, ref: MachineRef) -> MachineOutputs:
        """How to reach a machine that is READY.

        Raises:
            ProviderError: it is not READY.
        """
        ...

    def delete(self, ref: MachineRef) -> None:
        """Start deleting; deleting what is not there succeeds. Works during a create (G23)."""
        ...

    def list_owned(self, region: str) -> Iterator[OwnedMachine]:
        """Every machine in `region`, in any project, that carries this installation's tag."""
        ...


@runtime_checkable
class SupportsUnblocking(Protocol):
    """A provider whose deletions can hang on parts that something else holds (G24)."""

    def blockers(self, ref: MachineRef) -> Sequence[Blocker]:
        """The parts that are left of a machine whose deletion failed."""
        ...

    def remove_blockers(self, ref: MachineRef) -> Sequence[Blocker]:
        """Remove those parts where that is possible; returns those that remain."""
        ...


@runtime_checkable
class SupportsPowerActions(Protocol):
    """A provider that can switch a machine off, keep it with everything on its disk, and switch it on again."""

    def power(self, ref: MachineRef) -> Power:
        """Whether the machine runs; one that is not there is GONE."""
        ...

    def stop(self, ref: MachineRef) -> None:
        """Start switching off; what is off, on its way there, or not there, is left as it is."""
        ...

    def start(self, ref: MachineRef) -> None:
        """Start switching on; what is on, on its way there, or not there, is left as it is."""
        ...


@runtime_checkable
class SupportsCapacity(Protocol):
    """A provider that can say how much room is left."""

    def free_units(self, region: str) -> Mapping[str, int]:
        """Free units by resource class, such as `{"CUSTOM_GPU_H100_PCIE": 12}`."""
        ...


class Providers(Protocol):
    """The providers by id."""

    def __call__(self, provider: str) -> ComputeProvider:
        """The adapter of `provider`."""
        ...
