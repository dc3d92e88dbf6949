"""The configuration of the simulated cloud: `region.yaml`, typed."""

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field

DEFAULT_CONFIG: Final = Path(__file__).with_name("region.yaml")
_NAMESPACE: Final = uuid.UUID("6f3d0a52-7c1e-5c0b-9a55-0d5c1c1f7a10")


def stable_uuid(*names: str) -> str:
    """The same UUID for the same names, so that ids survive restarts and a loss of state."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(names)))


def stable_hex(*names: str) -> str:
    """The same 32 hexadecimal digits for the same names, which is the format of Keystone's ids."""
    return uuid.uuid5(_NAMESPACE, "/".join(names)).hex


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


_Item = TypeVar("_Item", bound=_Identified)


def _first(items: Iterable[_Item], name_or_id: str) -> _Item:
    for item in items:
        if name_or_id in (item.id, getattr(item, "name", None)):
            return item
    raise KeyError(name_or_id)


class Project(_Strict):
    """A Keystone project."""

    name: str

    @property
    def id(self) -> str:
        """The project's id, derived from its name."""
        return stable_hex("project", self.name)


class User(_Strict):
    """A Keystone user with the projects it has roles on."""

    name: str
    password: str
    projects: list[str]
    roles: list[str]

    @property
    def id(self) -> str:
        """The user's id, derived from its name."""
        return stable_hex("user", self.name)


class ConfiguredCredential(_Strict):
    """An application credential that exists from the start."""

    id: str
    secret: str
    name: str
    user: str
    project: str


class Flavor(_Strict):
    """A Nova flavor, the same in all regions."""

    name: str
    vcpus: int
    ram_mb: int
    disk_gb: int
    extra_specs: dict[str, str] = {}

    @property
    def id(self) -> str:
        """The flavor's id, derived from its name."""
        return stable_uuid("flavor", self.name)

    @property
    def resources(self) -> dict[str, int]:
        """The resources that a server of this flavor takes from its host, by Placement's resource class."""
        taken = {"VCPU": self.vcpus, "MEMORY_MB": self.ram_mb, "DISK_GB": self.disk_gb}
        for key, amount in self.extra_specs.items():
            if key.startswith("resources:"):
                taken[key.removeprefix("resources:")] = int(amount)
        return {name: amount for name, amount in taken.items() if amount > 0}

    @property
    def required_traits(self) -> frozenset[str]:
        """The traits that the server's host must have."""
        return frozenset(
            key.removeprefix("trait:")
            for key, need in self.extra_specs.items()
            if key.startswith("trait:") and need == "required"
        )


class Image(_Strict):
    """A Glance image, the same in all regions."""

    name: str
    size_bytes: int
    min_disk_gb: int = 0
    min_ram_mb: int = 0
    disk_format: str = "qcow2"
    properties: dict[str, str] = {}

    @property
    def id(self) -> str:
        """The image's id, derived from its name."""
        return stable_uuid("image", self.name)


class Network(_Strict):
    """A Neutron network with its one subnet, the same in all regions."""

    name: str
    cidr: str
    external: bool = False
    shared: bool = False

    @property
    def id(self) -> str:
        """The network's id, derived from its name."""
        return stable_uuid("network", self.name)

    @property
    def subnet_id(self) -> str:
        """The subnet's id, derived from the network's name."""
        return stable_uuid("subnet", self.name)


class KeyPair(_Strict):
    """A key pair that every user of every region has from the start."""

    name: str
    public_key: str


class Inventory(_Strict):
    """The amount of a resource class that one host has, as Placement counts it."""

    total: int
    reserved: int = 0
    highest_unit: int | None = None
    allocation_ratio: float = 1.0

    @property
    def capacity(self) -> int:
        """The amount that can be allocated."""
        return int((self.total - self.reserved) * self.allocation_ratio)


class Hosts(_Strict):
    """Identical hosts, each of which is one of Placement's resource providers."""

    name: str
    count: int = 1
    inventory: dict[str, Inventory]
    traits: list[str] = []


class RegionConfig(_Strict):
    """One region."""

    id: str
    description: str = ""
    hosts: list[Hosts]


class Quota(_Strict):
    """The limits of one project in one region; -1 is no limit."""

    instances: int = -1
    cores: int = -1
    ram: int = -1
    key_pairs: int = 100
    volumes: int = -1
    gigabytes: int = -1
    port: int = -1
    floatingip: int = -1
    security_group: int = -1
    stacks: int = 512


class Config(_Strict):
    """The whole cloud."""

    regions: list[RegionConfig]
    projects: list[Project]
    users: list[User]
    application_credentials: list[ConfiguredCredential] = []
    flavors: list[Flavor]
    images: list[Image]
    networks: list[Network]
    volume_types: list[str]
    keypairs: list[KeyPair] = []
    quota: Quota = Quota()
    placement_reader_roles: list[str] = ["admin"]
    application_credentials_create_stacks: bool = Field(
        default=True,
        description="False is Keystone's default: no trust from a delegated token, so Heat answers 500",
    )
    token_ttl_seconds: int = 3600
    token_cache_seconds: float = Field(
        default=10, description="how long a service goes on taking a token that Keystone has revoked meanwhile"
    )
    speed: float = 1.0

    def project(self, project_id: str) -> Project:
        """The project with this id; KeyError if there is none."""
        return _first(self.projects, project_id)

    def user(self, user_id: str) -> User:
        """The user with this id; KeyError if there is none."""
        return _first(self.users, user_id)

    def region(self, region_id: str) -> RegionConfig:
        """The region with this id; KeyError if there is none."""
        return _first(self.regions, region_id)

    def flavor(self, name_or_id: str) -> Flavor:
        """The flavor with this name or id; KeyError if there is none."""
        return _first(self.flavors, name_or_id)

    def image(self, name_or_id: str) -> Image:
        """The image with this name or id; KeyError if there is none."""
        return _first(self.images, name_or_id)

    def network(self, name_or_id: str) -> Network:
        """The network with this name or id; KeyError if there is none."""
        return _first(self.networks, name_or_id)


def load_config(path: Path = DEFAULT_CONFIG) -> Config:
    """The configuration in a YAML file.

    Raises:
        pydantic.ValidationError: the file does not describe a cloud.
    """
    return Config.model_validate(yaml.safe_load(path.read_text()))
