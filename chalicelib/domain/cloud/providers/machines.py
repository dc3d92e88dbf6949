"""A machine as a provider sees it: the words that every provider's adapter translates to and from.

A machine is whatever one deployment owns at its provider: a Heat stack with its server, port, volume and
addresses, a Linode, a droplet. It is known by a deterministic name, so that an ambiguous create is resolved
by looking it up (G20), and it carries Hearth's own tag, so that nothing else is mistaken for ours (G25).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.cloud.providers.errors import FailureCode


class StorageKind(StrEnum):
    """Where a machine's disk lives."""

    LOCAL = "local"
    NETWORK = "network"


@dataclass(frozen=True)
class MachineSpec:
    """What to build. Names are the provider's own: the catalogue has translated ours."""

    template: str
    """Which shape, with its version: `cpu_instance/v1`, `gpu_instance/v1`, `windows_instance/v1`."""
    flavor: str
    image: str
    storage_kind: StorageKind
    storage_gb: int
    ssh_public_key: str
    user_data: str = ""
    network: str = ""
    """The private network; empty means the region's default."""
    public_network: str = ""
    """Where public addresses come from; empty means the region's default."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Whose it is: `customer` and `deployment`; the adapter adds the installation's own tag."""


@dataclass(frozen=True)
class MachineRef:
    """Where a machine is: known by name before it exists, and by the provider's id afterwards."""

    region: str
    placement: str
    """The account or project inside the region that holds it, as `place` chose it."""
    name: str
    id: str | None = None


class MachineState(StrEnum):
    """What a provider says of a machine. Only GONE means gone (G21)."""

    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    DELETING = "deleting"
    DELETE_FAILED = "delete_failed"
    GONE = "gone"


class Power(StrEnum):
    """Whether a machine's server runs."""

    ON = "on"
    OFF = "off"
    CHANGING = "changing"
    """On its way from one to the other, or busy with something else: look again."""
    GONE = "gone"


@dataclass(frozen=True)
class MachineFailure:
    """A failed build: a code of ours, and the provider's own text for staff, never for the customer."""

    code: FailureCode
    provider_reason: str


@dataclass(frozen=True)
class Machine:
    """A machine at one look. `failure` is set where `state` is FAILED or DELETE_FAILED."""

    ref: MachineRef
    state: MachineState
    failure: MachineFailure | None = None


@dataclass(frozen=True)
class MachineEvent:
    """One line of the provider's progress log. `id` is unique and stable; `resource` is a part's name."""

    id: str
    at: datetime
    resource: str
    status: str
    reason: str


@dataclass(frozen=True)
class MachineOutputs:
    """What a customer needs to reach a machine; complete only once it is READY."""

    server_id: str
    private_ipv4: str
    public_ipv4: str | None


@dataclass(frozen=True)
class OwnedMachine:
    """A machine that carries this installation's tag, as an inventory lists it."""

    ref: MachineRef
    state: MachineState
    deployment_id: str | None
    customer_id: str | None
    created_at: datetime


@dataclass(frozen=True)
class Blocker:
    """A resource that keeps a machine from being deleted: a port, a volume."""

    kind: str
    id: str
