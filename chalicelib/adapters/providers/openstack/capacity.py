"""The free capacity of a region, from Placement (docs.openstack.org/api-ref/placement)."""

from collections.abc import Mapping
from typing import Any, Final

from chalicelib.adapters.providers.openstack.connections import ProjectConnection, reading

_PLACEMENT: Final = "placement"
_MICROVERSION: Final = "1.36"
"""Gives provider summaries with every resource class (1.17 and later), in a widely deployed release."""


def free_units(placement: ProjectConnection) -> Mapping[str, int]:
    """Return the free units of every custom resource class, over all hosts.

    Only custom classes: processors and memory are overcommitted, so that their sum says nothing about one machine.
    It makes one request per class, instead of two per host.

    Raises:
        ProviderDenied: the credential may not read Placement.
    """
    classes = placement.call("GET", _PLACEMENT, "/resource_classes", microversion=_MICROVERSION).body
    with reading("resource classes"):
        names = [str(entry["name"]) for entry in classes["resource_classes"]]
    return {name: _free(placement, name) for name in names if name.startswith("CUSTOM_")}


def _free(placement: ProjectConnection, resource_class: str) -> int:
    path = f"/allocation_candidates?resources={resource_class}:1"
    body = placement.call("GET", _PLACEMENT, path, microversion=_MICROVERSION).body
    with reading(f"allocation candidates for {resource_class}"):
        return sum(_left(summary, resource_class) for summary in body["provider_summaries"].values())


def _left(summary: Mapping[str, Any], resource_class: str) -> int:
    found = summary["resources"].get(resource_class)
    return 0 if found is None else int(found["capacity"]) - int(found["used"])
