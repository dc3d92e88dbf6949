"""Switches a stack's server off and on through Nova, without Heat."""

from typing import Final
from urllib.parse import quote

from chalicelib.adapters.providers.openstack.connections import ProjectConnection, reading
from chalicelib.adapters.providers.openstack.stacks import stack_resources
from chalicelib.domain.cloud.providers.errors import ProviderError
from chalicelib.domain.cloud.providers.models import Power

_NOVA: Final = "compute"
_SERVER: Final = "OS::Nova::Server"
_STATES: Final = {"ACTIVE": Power.ON, "SHUTOFF": Power.OFF, "DELETED": Power.GONE, "SOFT_DELETED": Power.GONE}
"""By Nova's status of the server; every other status, such as REBOOT or PAUSED, is a change in progress or
by hand.
"""


def server_id(cloud: ProjectConnection, name: str, stack_id: str) -> str | None:
    """Return the id of the stack's server; None if it does not exist (any more)."""
    resources = stack_resources(cloud, name, stack_id)
    return next((part.physical_id for part in resources if part.type == _SERVER and part.physical_id), None)


def power_of(cloud: ProjectConnection, server: str) -> Power:
    """Whether the server runs.

    Raises:
        ProviderError: its status is ERROR; staff must act.
    """
    answer = cloud.call("GET", _NOVA, _path(server), also={404})
    if answer.status == 404:
        return Power.GONE
    with reading(f"server {server}"):
        status = str(answer.body["server"]["status"])
        is_busy = bool(answer.body["server"].get("OS-EXT-STS:task_state"))
    if status == "ERROR":
        raise ProviderError(f"server {server} is in status ERROR")
    return Power.CHANGING if is_busy else _STATES.get(status, Power.CHANGING)


def switch(cloud: ProjectConnection, server: str, action: str) -> None:
    """Request `os-stop` or `os-start`.

    Nova answers 409 if the server is already in that state, or changing to it; the next look shows which.
    """
    cloud.call("POST", _NOVA, f"{_path(server)}/action", json={action: None}, also={404, 409})


def _path(server: str) -> str:
    return f"/servers/{quote(server, safe='')}"
