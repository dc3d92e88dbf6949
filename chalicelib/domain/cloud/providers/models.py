"""A machine in provider-neutral terms, which every provider's adapter translates.

A machine is everything that one deployment owns at its provider: a Heat stack with its server, port, volume and
addresses, a Linode, a droplet. It has a deterministic name, so that a lookup resolves an ambiguous create (G20),
and Hearth's own tag, so that no foreign machine is taken for ours (G25).
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from chalicelib.kernel.dataclasses import dataclass


class FailureCode(StrEnum):
    """Why a machine could not be built, as shown in its deployment (G27)."""

    CAPACITY_UNAVAILABLE = "CAPACITY_UNAVAILABLE"
    PROVIDER_QUOTA = "PROVIDER_QUOTA"
    PROVIDER_BUSY = "PROVIDER_BUSY"
    PROVISIONING_FAILED = "PROVISIONING_FAILED"


class StorageKind(StrEnum):
    """The place of a machine's disk."""

    LOCAL = "local"
    NETWORK = "network"


@dataclass(frozen=True)
class MachineSpec:
    """What to build. Names are the provider's own, as translated by the catalogue."""

    template: str
    """The template with its version: `cpu_instance/v1`, `gpu_instance/v1`, `windows_instance/v1`."""
    flavor: str
    image: str
    storage_kind: StorageKind
    storage_gb: int
    ssh_public_key: str
    user_data: str = ""
    network: str = ""
    """The private network; empty means the region's default."""
    public_network: str = ""
    """The network with public addresses; empty means the region's default."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The ids of its owner: `customer` and `deployment`; the adapter adds the installation's tag."""


@dataclass(frozen=True)
class MachineRef:
    """A reference to a machine: by name before it exists, and by the provider's id afterwards."""

    region: str
    placement: str
    """The account or project inside the region that contains it, as chosen by `place`."""
    name: str
    id: str | None = None


class MachineState(StrEnum):
    """The provider's state of a machine. Only GONE means gone (G21)."""

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
    """Changing from one to the other, or otherwise busy: check again."""
    GONE = "gone"


@dataclass(frozen=True)
class MachineFailure:
    """A failed build: our code, and the provider's text for staff, never for the customer."""

    code: FailureCode
    provider_reason: str


@dataclass(frozen=True)
class Machine:
    """The state of a machine when it was read. `failure` is set if `state` is FAILED or DELETE_FAILED."""

    ref: MachineRef
    state: MachineState
    failure: MachineFailure | None = None


@dataclass(frozen=True)
class MachineEvent:
    """One line of the provider's progress log. `id` is unique and stable; `resource` names a part."""

    id: str
    at: datetime
    resource: str
    status: str
    reason: str


@dataclass(frozen=True)
class MachineOutputs:
    """The data that a customer needs to reach a machine; complete only when it is READY."""

    server_id: str
    private_ipv4: str
    public_ipv4: str | None


@dataclass(frozen=True)
class OwnedMachine:
    """A machine with this installation's tag, as listed in an inventory."""

    ref: MachineRef
    state: MachineState
    deployment_id: str | None
    customer_id: str | None
    created_at: datetime


@dataclass(frozen=True)
class Blocker:
    """A resource that prevents the deletion of a machine: a port, a volume."""

    kind: str
    id: str
