"""The state of the simulated cloud, as plain data that is saved and loaded as one JSON document."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from dev.simulators.http import Json


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Token(_State):
    """An issued Keystone token."""

    id: str
    user_id: str
    project_id: str | None
    roles: list[str]
    methods: list[str]
    audit_id: str
    issued_at: datetime
    expires_at: datetime
    revoked: bool = False
    application_credential_id: str | None = None
    cached_until: dict[str, datetime] = {}
    """Per service: until when its cache accepts the token without asking Keystone again."""


class Credential(_State):
    """An application credential."""

    id: str
    secret: str
    name: str
    user_id: str
    project_id: str
    roles: list[str]
    unrestricted: bool | None = None
    expires_at: datetime | None = None


class KeyPairState(_State):
    """A Nova key pair; it belongs to a user, not to a project."""

    number: int
    user_id: str
    name: str
    public_key: str
    fingerprint: str
    created_at: datetime


class Event(_State):
    """One event of a stack."""

    id: str
    resource_name: str
    resource_type: str
    physical_id: str
    status: str
    reason: str
    time: datetime
    properties: dict[str, Json] = {}


Phase = Literal["creating", "discarding", "waiting", "deleting", "passing"]


class Resource(_State):
    """A stack's resource: its state in the API, and its next phase."""

    name: str
    type: str
    requires: list[str]
    placeholder: str
    """The physical name that events show until there is a physical id."""
    action: str = "INIT"
    status: str = "COMPLETE"
    reason: str = ""
    physical_id: str = ""
    created_at: datetime
    updated_at: datetime
    properties: dict[str, Json] = {}
    snapshot: dict[str, Json] = {}
    """The attributes at completion: Heat does not read them again."""
    phase: Phase | None = None
    due: float | None = None
    """The lifecycle second at which its phase ends; None if it has no phase, or is stuck in it."""
    attempt: int = 0
    faults: list[str] = []
    """The injected faults for its creation."""


class Operation(_State):
    """The current operation on a stack."""

    action: str
    begins: float
    """The lifecycle second at which its first resource starts."""
    deadline: float
    ends: float = 0.0
    """The lifecycle second before which it does not end."""
    begun: bool = False
    changed: list[str] = []
    """The resources that an update still has to change."""
    faults: list[str] = []


class Stack(_State):
    """A Heat stack."""

    id: str
    name: str
    project_id: str
    owner: str
    user_id: str
    user_project_id: str
    template: Json
    parameters: dict[str, Json]
    given_parameters: dict[str, Json]
    files: dict[str, str] = {}
    tags: list[str] = []
    timeout_mins: int | None = None
    disable_rollback: bool = True
    created_at: datetime
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    action: str = "CREATE"
    status: str = "IN_PROGRESS"
    reason: str = ""
    resources: dict[str, Resource] = {}
    events: list[Event] = []
    operation: Operation | None = None

    @property
    def full_status(self) -> str:
        """Action and status as the API shows them, such as CREATE_COMPLETE."""
        return f"{self.action}_{self.status}"

    @property
    def is_deleted(self) -> bool:
        """Whether it is deleted."""
        return self.full_status == "DELETE_COMPLETE"


class Server(_State):
    """A Nova server."""

    id: str
    name: str
    project_id: str
    user_id: str
    flavor: str
    image: str | None
    key_name: str | None
    metadata: dict[str, str]
    port_ids: list[str]
    security_groups: list[str]
    created_at: datetime
    updated_at: datetime
    launched_at: datetime | None = None
    status: str = "BUILD"
    fault: str | None = None
    provider: str | None = None
    """The host whose capacity it takes; None if it takes none."""
    next_status: str | None = None
    next_status_due: float = 0.0


class Port(_State):
    """A Neutron port."""

    id: str
    name: str
    project_id: str
    network: str
    mac_address: str
    ip_address: str
    security_groups: list[str]
    device_id: str = ""
    device_owner: str = ""
    status: str = "DOWN"
    created_at: datetime
    updated_at: datetime
    revision_number: int = 1
    undeletable_by_heat: bool = False


class SecurityGroup(_State):
    """A Neutron security group."""

    id: str
    name: str
    project_id: str
    description: str = ""
    rules: list[dict[str, Json]]
    created_at: datetime


class FloatingIp(_State):
    """A Neutron floating IP."""

    id: str
    project_id: str
    network: str
    address: str
    port_id: str | None = None
    created_at: datetime
    updated_at: datetime
    revision_number: int = 0


class Volume(_State):
    """A Cinder volume."""

    id: str
    name: str
    description: str | None
    project_id: str
    user_id: str
    size_gb: int
    volume_type: str
    metadata: dict[str, str]
    bootable: bool
    status: str
    server_id: str | None = None
    attachment_id: str | None = None
    created_at: datetime
    updated_at: datetime | None
    undeletable_by_heat: bool = False


class Region(_State):
    """One region's services."""

    id: str
    stacks: dict[str, Stack] = {}
    servers: dict[str, Server] = {}
    ports: dict[str, Port] = {}
    security_groups: dict[str, SecurityGroup] = {}
    floating_ips: dict[str, FloatingIp] = {}
    volumes: dict[str, Volume] = {}
    keypairs: list[KeyPairState] = []
    quotas: dict[str, dict[str, int]] = {}
    """Limits by project, where they differ from the configured ones."""
    capacities: dict[str, int] = {}
    """Totals by resource class, where they differ from the configured ones."""
    counter: int = 0

    def number(self) -> int:
        """A number that the region has not used before."""
        self.counter += 1
        return self.counter


class CloudState(_State):
    """The whole cloud."""

    version: Literal[1] = 1
    lifecycle_seconds: float = 0.0
    speed: float = 1.0
    regions: dict[str, Region] = {}
    tokens: dict[str, Token] = {}
    credentials: dict[str, Credential] = {}
