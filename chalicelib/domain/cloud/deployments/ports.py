"""What the compute context needs from outside."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from chalicelib.domain.cloud.deployments.models import (
    Deployment,
    DeploymentFilter,
    Operation,
    Slots,
    TimelineEvent,
)
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
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write


class ComputeProvider(Protocol):
    """One kind of upstream. Every call has a time-out and raises only `ProviderError`s.

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
            SpecRejected, NoCapacity, QuotaExceeded, ProviderDenied: nothing was made.
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


DEPLOYMENT_UNCHANGED = "deployment_unchanged"
SLOT_FREE = "slot_free"
CUSTOMER_ACTIVE = "customer_active"
NEW_DEPLOYMENT = "new_deployment"
OPERATION_SHARDS = 4


class DeploymentRecords(Protocol):
    """Where deployments, operations and timelines are kept. Single reads are strongly consistent."""

    def deployment(self, customer_id: str, deployment_id: str) -> Deployment | None:
        """A customer's deployment; a stranger's is not found."""
        ...

    def deployments(self, customer_id: str, wanted: DeploymentFilter, page: PageRequest) -> Page[Deployment]:
        """A customer's deployments, newest first unless `wanted` says otherwise."""
        ...

    def all_deployments(self, customer_id: str) -> Iterator[Deployment]:
        """Every deployment that a customer ever made, oldest first, strongly consistent; for proofs."""
        ...

    def deployment_of_key(self, customer_id: str, key: str, at: datetime) -> tuple[str, str] | None:
        """The deployment and operation that were made with an idempotency key, for the day that it is kept."""
        ...

    def insert_deployment(self, deployment: Deployment, operation: Operation, key: str | None) -> Sequence[Write]:
        """Keep a new deployment, and the key that it was made with; asserts NEW_DEPLOYMENT."""
        ...

    def replace_deployment(self, before: Deployment, after: Deployment) -> Write:
        """Change a deployment; asserts DEPLOYMENT_UNCHANGED since `before` was read."""
        ...

    def operation(self, customer_id: str, deployment_id: str, operation_id: str) -> Operation | None:
        """One operation of a deployment."""
        ...

    def insert_operation(self, operation: Operation) -> Write:
        """Keep a new operation; the table's stream then starts its state machine."""
        ...

    def replace_operation(self, before: Operation, after: Operation) -> Write:
        """Change an operation; asserts DEPLOYMENT_UNCHANGED: nobody ended it or took it over since `before`."""
        ...

    def operations_to_check(self, shard: int, before: datetime) -> Iterator[Operation]:
        """Operations in progress whose `check_at` lies before; the index may lag behind by moments."""
        ...

    def insert_event(self, event: TimelineEvent) -> Write:
        """Append to the timeline; its number is free, or DEPLOYMENT_UNCHANGED fails with it."""
        ...

    def events(self, customer_id: str, deployment_id: str, after: int, page: PageRequest) -> Page[TimelineEvent]:
        """The timeline after the event numbered `after`, oldest first."""
        ...

    def take_slot(self, customer_id: str) -> Write:
        """Count one more existing deployment; asserts SLOT_FREE: fewer than the customer may have so far."""
        ...

    def customer_is_active(self, customer_id: str) -> Write:
        """Change nothing; asserts CUSTOMER_ACTIVE: the customer is neither blocked nor closed."""
        ...

    def free_slot(self, customer_id: str) -> Write:
        """Count one fewer."""
        ...

    def slots(self, customer_id: str) -> Slots:
        """How many deployments count against the customer's limit, and what that is."""
        ...

    def set_limit(self, customer_id: str, limit: int) -> Write:
        """Let the customer have so many from now on; those that are there stay."""
        ...


class ExecutionState(StrEnum):
    """What became of a state machine execution."""

    ABSENT = "absent"
    RUNNING = "running"
    ENDED = "ended"


class Workflows(Protocol):
    """State machines."""

    def start(self, operation: Operation) -> None:
        """Start the machine of the operation's type for this attempt; starting it again changes nothing."""
        ...

    def state(self, operation: Operation) -> ExecutionState:
        """What became of this attempt's execution."""
        ...

    def stop(self, operation: Operation) -> None:
        """End this attempt's execution, if it runs."""
        ...


class StaffAlerts(Protocol):
    """Tells the operator's people."""

    def send(self, subject: str, text: str) -> None:
        """Send an alert; delivered at least once."""
        ...


class Providers(Protocol):
    """The providers by id."""

    def __call__(self, provider: str) -> ComputeProvider:
        """The adapter of `provider`."""
        ...
