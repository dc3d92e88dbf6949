"""Deployments, the operations that change them, and their timeline."""

from collections.abc import Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.cloud.providers.models import MachineOutputs, MachineRef, MachineSpec
from chalicelib.domain.money.ledger.models import Balance
from chalicelib.domain.money.metering.models import Parts, PriceChange
from chalicelib.kernel.dataclasses import dataclass


class DeploymentStatus(StrEnum):
    """The status of a deployment."""

    REQUESTED = "REQUESTED"
    PROVISIONING = "PROVISIONING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    """Switched off and not charged, because the balance or a spend cap is used up; its disk is kept."""
    RESUMING = "RESUMING"
    ERROR = "ERROR"
    DELETING = "DELETING"
    DELETE_STUCK = "DELETE_STUCK"
    DELETED = "DELETED"


class DesiredState(StrEnum):
    """Whether the deployment's machine should exist at its provider."""

    PRESENT = "PRESENT"
    ABSENT = "ABSENT"


@dataclass(frozen=True)
class Failure:
    """Why a deployment failed, as told to the customer."""

    code: str
    message: str


@dataclass(frozen=True)
class Deployment:
    """One machine at one provider, with everything needed to build, find, charge and remove it.

    `version` counts changes; every change asserts the version that was read. `fence` increases whenever another
    operation (or another attempt at the same one) takes over, so that earlier holders can no longer change
    anything (G29).
    """

    id: str
    customer_id: str
    name: str
    provider: str
    region: str
    instance_type: str
    image: str
    ssh_key_id: str
    spec: MachineSpec
    price_micros_per_hour: int
    """The price when the deployment was created, last started, or, while it runs, last changed."""
    status: DeploymentStatus
    desired: DesiredState
    created_at: datetime
    updated_at: datetime
    provider_region: str
    project_id: str = ""
    """Its project; empty if none. The project may have been deleted after the deployment."""
    placement: str = ""
    machine_id: str | None = None
    create_called_at: datetime | None = None
    """Set before the provider is asked to build: from then on a machine may exist."""
    outputs: MachineOutputs | None = None
    failure: Failure | None = None
    activated_at: datetime | None = None
    ended_at: datetime | None = None
    """When the provider confirmed that nothing of it remains."""
    operation_id: str | None = None
    """The operation in progress, if any."""
    last_operation_id: str = ""
    """The operation in progress, or the last one."""
    fence: int = 0
    price_parts: Parts = field(default_factory=dict)
    """The units of each price that add up to its price; if empty, the price never changes."""
    made_by_key: str = ""
    """The API key that ordered it, whose spend caps it counts for; empty for a session."""
    holds_slot: bool = True
    """Whether it counts against the customer's limit."""
    event_sequence: int = 0
    provider_event_id: str | None = None
    """The last of the provider's events in the timeline."""
    version: int = 0

    @property
    def ref(self) -> MachineRef:
        """The reference to its machine; the name is the same for every attempt (G20)."""
        return MachineRef(
            region=self.provider_region,
            placement=self.placement,
            name=self.id.replace("_", "-").lower(),
            id=self.machine_id,
        )

    def changed(self, at: datetime, **changes: object) -> "Deployment":
        """Return a copy with `changes` and the next version."""
        return replace(self, updated_at=at, version=self.version + 1, **changes)  # type: ignore[arg-type]


class OperationType(StrEnum):
    """What an operation does."""

    CREATE = "create"
    DELETE = "delete"
    SUSPEND = "suspend"
    RESUME = "resume"


class OperationStatus(StrEnum):
    """The status of an operation."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether it cannot change any more."""
        return self in _FINAL


_FINAL = frozenset({OperationStatus.SUCCEEDED, OperationStatus.FAILED, OperationStatus.CANCELLED})


@dataclass(frozen=True)
class Operation:
    """One change of a deployment, driven by a state machine until its status is final."""

    id: str
    customer_id: str
    deployment_id: str
    type: OperationType
    status: OperationStatus
    created_at: datetime
    deadline_at: datetime
    fence: int
    """The deployment's fence that this attempt holds."""
    attempt: int = 1
    check_at: datetime | None = None
    """When the reconciler should check whether its execution still works."""
    ended_at: datetime | None = None

    @property
    def execution_name(self) -> str:
        """The name of this attempt's execution; starting the same name again has no effect."""
        return f"{self.id}-{self.attempt}"


@dataclass(frozen=True)
class TimelineEvent:
    """One line of a deployment's timeline, numbered without gaps."""

    customer_id: str
    deployment_id: str
    sequence: int
    at: datetime
    type: str
    """`requested`, `provisioning`, `resource`, `active`, `failed`, `deleting`, `delete_stuck`, `deleted`, …"""
    message: str
    resource: str = ""
    status: str = ""


@dataclass(frozen=True)
class Ticket:
    """The input of each task of a state machine: which attempt at which operation."""

    customer_id: str
    deployment_id: str
    operation_id: str
    fence: int


@dataclass(frozen=True)
class DeploymentRequest:
    """A customer's order, with ids of the catalogue."""

    region: str
    instance_type: str
    image: str
    storage_kind: str
    storage_gb: int | None
    ssh_key_id: str
    name: str = ""
    project_id: str = ""


@dataclass(frozen=True)
class DeploymentFilter:
    """The filter and order of a list of deployments."""

    status: DeploymentStatus | None = None
    region: str | None = None
    project_id: str = ""
    ascending: bool = False


PROVISION_DEADLINE = timedelta(minutes=30)
DELETE_STUCK_AFTER = timedelta(minutes=15)
POWER_STUCK_AFTER = timedelta(minutes=10)
OVERRUN_CHARGED = timedelta(minutes=5)
"""The maximum time that is charged between the start of a suspension and the machine's stop; it bounds debt."""
CREATE_SETTLE = timedelta(seconds=35)
"""A create call that was begun has certainly ended after this: longer than the deadline of its Lambda."""
CHECK_INTERVAL = timedelta(seconds=45)
"""The reconciler checks an operation without progress for this long after its own wait."""
HOLD_SECONDS = 3600
"""A new machine needs its price for this time to be available."""
RESERVE_SECONDS = 600
"""The price for this time stays on hold while it runs."""
DEFAULT_DEPLOYMENT_LIMIT = 20
"""Unless staff set another limit for the customer."""


@dataclass(frozen=True)
class Slots:
    """How many deployments a customer has, and may have."""

    taken: int
    limit: int


@dataclass(frozen=True)
class Quote:
    """The price of a deployment, and whether it could be created now."""

    available: bool | None
    price_micros_per_hour: int
    price_changes: Sequence[PriceChange]
    """The announced changes of this price."""
    hold_micros: int
    balance: Balance
    slots_taken: int
    slot_limit: int
    warnings: Sequence[str]


@dataclass(frozen=True)
class Accepted:
    """A deployment with the operation that was started."""

    deployment: Deployment
    operation: Operation
