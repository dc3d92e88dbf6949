"""Deployments, the operations that change them, and the timeline that tells of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.cloud.providers.machines import MachineOutputs, MachineRef, MachineSpec
from chalicelib.domain.money.ledger.models import Balance
from chalicelib.domain.money.metering.models import Parts, PriceChange


class DeploymentStatus(StrEnum):
    """Where a deployment is in its life."""

    REQUESTED = "REQUESTED"
    PROVISIONING = "PROVISIONING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    """Switched off and not charged, because the customer's money, or spend cap, is used up; its disk is kept."""
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
    """Why a deployment failed, in words for its customer."""

    code: str
    message: str


@dataclass(frozen=True)
class Deployment:
    """One machine on one provider, and everything needed to build, find, charge and remove it.

    `version` counts changes; every change asserts the version that it was decided on. `fence` grows whenever
    another operation (or another attempt at the same one) takes over, so that whoever held it before can no
    longer change anything (G29).
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
    """As it was when the deployment was made, last started, or running while it changed."""
    status: DeploymentStatus
    desired: DesiredState
    created_at: datetime
    updated_at: datetime
    provider_region: str
    project_id: str = ""
    """The project that it is in; empty where in none. It may have been deleted since the deployment was."""
    placement: str = ""
    machine_id: str | None = None
    create_called_at: datetime | None = None
    """Set before the provider is asked to build: from then on there may be a machine."""
    outputs: MachineOutputs | None = None
    failure: Failure | None = None
    activated_at: datetime | None = None
    ended_at: datetime | None = None
    """When the provider said that nothing of it is left."""
    operation_id: str | None = None
    """The operation in progress."""
    last_operation_id: str = ""
    """The operation in progress, or the last one that was."""
    fence: int = 0
    price_parts: Parts = field(default_factory=dict)
    """What the price is the sum of; where empty, it never changes."""
    made_by_key: str = ""
    """The API key that asked for it, whose spending it counts for; empty where a session did."""
    holds_slot: bool = True
    """Whether it still counts against the customer's limit."""
    event_sequence: int = 0
    provider_event_id: str | None = None
    """The last of the provider's events that is in the timeline."""
    version: int = 0

    @property
    def ref(self) -> MachineRef:
        """Where its machine is; the name is the same for every attempt (G20)."""
        return MachineRef(
            region=self.provider_region,
            placement=self.placement,
            name=self.id.replace("_", "-").lower(),
            id=self.machine_id,
        )

    def changed(self, at: datetime, **changes: object) -> "Deployment":
        """A copy with `changes`, one version on."""
        return replace(self, updated_at=at, version=self.version + 1, **changes)  # type: ignore[arg-type]


class OperationType(StrEnum):
    """What an operation does."""

    CREATE = "create"
    DELETE = "delete"
    SUSPEND = "suspend"
    RESUME = "resume"


class OperationStatus(StrEnum):
    """How far an operation is."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self in _FINAL


_FINAL = frozenset({OperationStatus.SUCCEEDED, OperationStatus.FAILED, OperationStatus.CANCELLED})


@dataclass(frozen=True)
class Operation:
    """One change of a deployment, driven by a state machine until it is final."""

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
    """When the reconciler should look whether its execution still lives."""
    ended_at: datetime | None = None

    @property
    def execution_name(self) -> str:
        """The state machine execution of this attempt: the same name starts it once."""
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
    """What a state machine hands from task to task: which attempt at which operation it is."""

    customer_id: str
    deployment_id: str
    operation_id: str
    fence: int


@dataclass(frozen=True)
class DeploymentRequest:
    """What a customer asks for, in the catalogue's ids."""

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
    """Which deployments a list shows, and in which order."""

    status: DeploymentStatus | None = None
    region: str | None = None
    project_id: str = ""
    ascending: bool = False


PROVISION_DEADLINE = timedelta(minutes=30)
DELETE_STUCK_AFTER = timedelta(minutes=15)
POWER_STUCK_AFTER = timedelta(minutes=10)
OVERRUN_CHARGED = timedelta(minutes=5)
"""A machine that is to be suspended is charged until it is off, but for no longer than this: debt is bounded."""
CREATE_SETTLE = timedelta(seconds=35)
"""A create call that was begun has certainly ended after this: longer than its Lambda may live."""
CHECK_INTERVAL = timedelta(seconds=45)
"""An operation that has not moved for this long beyond its own wait is looked at by the reconciler."""
HOLD_SECONDS = 3600
"""What a new machine needs available: an hour of its price."""
RESERVE_SECONDS = 600
"""What stays set aside while it runs."""
DEFAULT_DEPLOYMENT_LIMIT = 20
"""Of a customer for whom the staff have set no other."""


@dataclass(frozen=True)
class Slots:
    """How many deployments a customer has, and may have."""

    taken: int
    limit: int


@dataclass(frozen=True)
class Quote:
    """What a deployment would cost, and whether it could be made now."""

    available: bool | None
    price_micros_per_hour: int
    price_changes: Sequence[PriceChange]
    """How that price is going to change, as far as it is announced."""
    hold_micros: int
    balance: Balance
    slots_taken: int
    slot_limit: int
    warnings: Sequence[str]


@dataclass(frozen=True)
class Accepted:
    """An operation that has begun."""

    deployment: Deployment
    operation: Operation
