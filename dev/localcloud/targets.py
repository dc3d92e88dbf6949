"""The provider of a local cloud's machines: the simulated region, or an OpenStack of `clouds.yaml`."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from dev.localcloud.gateways import payment_secret
from dev.localcloud.home import Home, read_json
from dev.localcloud.ports import HOST, Ports
from tools.catalog_data import CATALOG, read_catalog
from tools.package import ROOT

OPENSTACK_OVERLAY = ROOT / "dev" / "targets" / "openstack.yaml"
"""The catalogue overlay for `make openstack-up`; for another cloud, set HEARTH_CATALOG_OVERLAY."""

_AUTH_NAMES = {
    "username": "username",
    "password": "password",
    "user_domain_name": "user_domain",
    "project_domain_name": "project_domain",
    "application_credential_id": "application_credential_id",
    "application_credential_secret": "application_credential_secret",
}
"""The names of a credential's parts in clouds.yaml, and those in the providers' secret."""
_CAPACITY_CLOUD = "admin"
"""Placement's default policy requires an administrator."""


class NoSuchCloud(Exception):
    """The environment does not name a cloud of `clouds.yaml`."""


class TargetKind(StrEnum):
    """The kinds of target."""

    SIMULATOR = "simulator"
    OPENSTACK = "openstack"


@dataclass(frozen=True)
class Target:
    """A provider, with the secrets and the overlay that the product gets."""

    kind: TargetKind
    secret: Mapping[str, Any]
    """The providers' credentials, in the form that an operator fills in."""
    payments: Mapping[str, Any]
    """The payment gateways' credentials, in the same way."""
    overlay: str | None = None
    """The file with the catalogue's overlay for this target."""

    def fingerprint(self) -> str:
        """A value that changes with the credentials and with the overlay's text."""
        overlay = Path(self.overlay).read_text() if self.overlay else ""
        return hashlib.sha256(json.dumps([self.secret, self.payments, overlay]).encode()).hexdigest()

    def save(self, home: Home) -> None:
        """Store it for the next refresh; only the user can read the file, because it has credentials."""
        home.target.touch(mode=0o600)
        home.target.write_text(json.dumps(asdict(self)))


def choose_target(kind: TargetKind, ports: Ports) -> Target:
    """The target of this kind; for an OpenStack, `OS_CLOUD` names the cloud.

    Raises:
        NoSuchCloud: `OS_CLOUD` is not set, or `clouds.yaml` has no such entry.
    """
    if kind is TargetKind.SIMULATOR:
        return Target(kind, _simulated(ports), payment_secret(ports))
    overlay = Path(os.environ.get("HEARTH_CATALOG_OVERLAY", OPENSTACK_OVERLAY)).resolve()
    cloud = _of_clouds_yaml(os.environ.get("OS_CLOUD", ""), overlay)
    return Target(kind, cloud, payment_secret(ports), str(overlay))


def saved_target(home: Home) -> Target:
    """The target of the running cloud of `home`."""
    saved = read_json(home.target)
    return Target(TargetKind(saved["kind"]), saved["secret"], saved["payments"], saved["overlay"])


def _simulated(ports: Ports) -> Mapping[str, Any]:
    region = {
        "auth_url": f"http://{HOST}:{ports.openstack}/identity/v3",
        "network": "tenant",
        "public_network": "public",
        "projects": [
            {"name": name, "username": "hearth", "password": "hearthpass"} for name in ("hearth-1", "hearth-2")
        ],
    }
    regions = {name: {**region, "region_name": name} for name in ("montreal", "oslo", "texas")}
    return {"openstack": {"installation": "local", "regions": regions}}


def _of_clouds_yaml(name: str, overlay: Path) -> Mapping[str, Any]:
    """The target for this cloud, in each region that the catalogue with `overlay` has open."""
    import openstack

    clouds = openstack.config.OpenStackConfig()
    known = clouds.get_cloud_names()
    if name not in known:
        raise NoSuchCloud(f"OS_CLOUD is {name!r}; clouds.yaml has {', '.join(known) or 'no entry'}")
    cloud = clouds.get_one(name)
    region: dict[str, Any] = {
        "auth_url": cloud.config["auth"]["auth_url"],
        "region_name": cloud.region_name,
        "projects": [_project(cloud)],
    }
    if _CAPACITY_CLOUD in known:
        region["capacity"] = _project(clouds.get_one(_CAPACITY_CLOUD))
    regions = {
        sold.id: {**region, "network": sold.network, "public_network": sold.public_network}
        for sold in read_catalog(CATALOG, overlay).regions
        if sold.is_open
    }
    return {"openstack": {"installation": "local", "regions": regions}}


def _project(cloud: Any) -> dict[str, Any]:
    """The entry `cloud` in the form of the providers' secret; an application credential names no project."""
    auth = cloud.config["auth"]
    named = {ours: auth[theirs] for theirs, ours in _AUTH_NAMES.items() if theirs in auth}
    return {"name": auth.get("project_name", cloud.name), **named}
