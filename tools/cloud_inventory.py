"""Reads which flavors, images and networks one OpenStack project can use.

Sources: docs.openstack.org/api-ref/{compute,image,network,placement}.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from chalicelib.adapters.providers.openstack.connections import ProjectConnection

_NOVA_MICROVERSION: Final = "2.61"
"""The first version that returns extra specs with the flavors."""
_PLACEMENT_MICROVERSION: Final = "1.36"
_PAGE_ITEMS: Final = 500
_MAX_PAGES: Final = 20


@dataclass(frozen=True)
class FoundFlavor:
    """A flavor that the project may use."""

    vcpus: int
    memory_mb: int
    disk_gb: int
    extra_specs: Mapping[str, str]


@dataclass(frozen=True)
class FoundImage:
    """An image that the project may use."""

    min_disk_gb: int
    min_memory_mb: int


@dataclass(frozen=True)
class FoundNetwork:
    """A network that the project may use."""

    is_external: bool


class ProjectInventory:
    """Finds the resources of a project by name or id, as a Heat template would."""

    def __init__(self, project: ProjectConnection) -> None:
        self._project = project
        self._flavors: Mapping[str, FoundFlavor] | None = None

    def flavor(self, name: str) -> FoundFlavor | None:
        """The flavor called `name`."""
        if self._flavors is None:
            self._flavors = self._read_flavors()
        return self._flavors.get(name)

    def image(self, name: str) -> FoundImage | None:
        """The usable image called `name`."""
        named = f"/v2/images?name={quote(name, safe='')}&status=active"
        found: list[Any] = [*self._project.call("GET", "image", named).body["images"]]
        if not found:
            answer = self._project.call("GET", "image", f"/v2/images/{quote(name, safe='')}", also={404})
            found = [answer.body] if answer.body.get("status") == "active" else []
        return FoundImage(int(found[0]["min_disk"]), int(found[0]["min_ram"])) if found else None

    def network(self, name: str) -> FoundNetwork | None:
        """The network called `name`."""
        for key in ("name", "id"):
            path = f"/v2.0/networks?{key}={quote(name, safe='')}"
            found = self._project.call("GET", "network", path).body["networks"]
            if found:
                return FoundNetwork(bool(found[0].get("router:external", False)))
        return None

    def _read_flavors(self) -> Mapping[str, FoundFlavor]:
        flavors: dict[str, FoundFlavor] = {}
        marker = ""
        for _ in range(_MAX_PAGES):
            path = f"/flavors/detail?limit={_PAGE_ITEMS}{marker}"
            page = self._project.call("GET", "compute", path, microversion=_NOVA_MICROVERSION).body["flavors"]
            for entry in page:
                flavor = FoundFlavor(
                    vcpus=int(entry["vcpus"]),
                    memory_mb=int(entry["ram"]),
                    disk_gb=int(entry["disk"]),
                    extra_specs=entry.get("extra_specs", {}),
                )
                flavors |= {str(entry["id"]): flavor, str(entry["name"]): flavor}
            if len(page) < _PAGE_ITEMS:
                return flavors
            marker = f"&marker={quote(str(page[-1]['id']), safe='')}"
        raise RuntimeError(f"more than {_PAGE_ITEMS * _MAX_PAGES} flavors")


def resource_classes(placement: ProjectConnection) -> frozenset[str]:
    """Every resource class of which the region keeps an inventory.

    Raises:
        ProviderDenied: the credential may not read Placement.
    """
    body = placement.call("GET", "placement", "/resource_classes", microversion=_PLACEMENT_MICROVERSION).body
    return frozenset(str(entry["name"]) for entry in body["resource_classes"])
