"""Clients of the simulated OpenStack, for the tests of the simulator."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import openstack
from openstack.connection import Connection

from dev.simulators.openstack import OpenStackSimulator

Json = Any
Found = TypeVar("Found")

TEMPLATES = Path(__file__).parents[2] / "heat_templates"
FULL_TEMPLATE = (Path(__file__).parents[1] / "contract/recorded/openstack/full.yaml").read_text()
SMALL = {"flavor": "cpu-small", "image": "tiny"}
DEADLINE_SECONDS = 15.0
_TLS = ssl.create_default_context()
"""Made once, because making it takes longer than most calls."""


def until(look: Callable[[], Found]) -> Found:
    """Call `look` until it returns a value, and return that value; AssertionError if it never does."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


def connect(
    simulator: OpenStackSimulator, *, project: str = "hearth-1", region: str = "montreal", **auth: str
) -> Connection:
    """The SDK's connection, with the password of the user hearth unless `auth` is given."""
    password = {
        "username": "hearth",
        "password": "hearthpass",
        "project_name": project,
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    return openstack.connect(
        auth={"auth_url": simulator.auth_url, **(auth or password)},
        auth_type="v3applicationcredential" if auth else "password",
        region_name=region,
        load_yaml_config=False,
        load_envvars=False,
    )


class Heat:
    """Heat of one project over plain HTTP, because the SDK would hide details."""

    def __init__(
        self,
        simulator: OpenStackSimulator,
        *,
        user: str = "hearth",
        password: str = "hearthpass",
        project: str = "hearth-1",
        region: str = "montreal",
        timeout_seconds: float = 10.0,
    ) -> None:
        domain = {"name": "Default"}
        who = {"name": user, "password": password, "domain": domain}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": who}},
                "scope": {"project": {"name": project, "domain": domain}},
            }
        }
        answer = httpx.post(f"{simulator.auth_url}/auth/tokens", json=body, verify=_TLS)
        assert answer.status_code == 201, answer.text
        self.token = answer.headers["X-Subject-Token"]
        self.project_id = answer.json()["token"]["project"]["id"]
        self.region_url = f"{simulator.base_url}/regions/{region}"
        self.http = httpx.Client(
            base_url=f"{self.region_url}/orchestration/v1/{self.project_id}",
            headers={"X-Auth-Token": self.token},
            timeout=timeout_seconds,
            verify=_TLS,
        )

    def create(self, name: str, template: str = FULL_TEMPLATE, **more: Json) -> str:
        """Create a stack; return its path."""
        answer = self.http.post(
            "/stacks", json={"stack_name": name, "template": template, "parameters": SMALL} | more
        )
        assert answer.status_code == 201, answer.text
        return f"/stacks/{name}/{answer.json()['stack']['id']}"

    def show(self, path: str) -> Json:
        """The present stack."""
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()["stack"]

    def status(self, path: str) -> str:
        """A stack's status."""
        return str(self.show(path)["stack_status"])

    def settled(self, path: str) -> Json:
        """Wait until no operation on the stack is in progress, and return it."""

        def look() -> Json:
            stack = self.show(path)
            return None if stack["stack_status"].endswith("IN_PROGRESS") else stack

        return until(look)

    def names(self) -> list[str]:
        """The names of the project's stacks."""
        return [stack["stack_name"] for stack in self.http.get("/stacks").json()["stacks"]]

    def delete(self, path: str) -> Json:
        """Delete a stack; return its last state."""
        assert self.http.delete(path).status_code == 204

        def look() -> Json:
            # A create that was interrupted shows CREATE_FAILED before its deletion begins.
            stack = self.show(path)
            return stack if stack["stack_status"] in {"DELETE_COMPLETE", "DELETE_FAILED"} else None

        return until(look)

    def events(self, path: str) -> list[tuple[str, str]]:
        """The events with their resources, oldest first; the stack itself is called stack."""
        found = self.http.get(f"{path}/events?sort_dir=asc").json()["events"]
        name = path.split("/")[2]
        return [
            ("stack" if item["resource_name"] == name else item["resource_name"], item["resource_status"])
            for item in found
        ]

    def resources(self, path: str) -> dict[str, Json]:
        """A stack's resources by name."""
        return {item["resource_name"]: item for item in self.http.get(f"{path}/resources").json()["resources"]}

    def service(self, method: str, path: str) -> httpx.Response:
        """Send a request to another service of the region, such as `/network/v2.0/ports`."""
        return httpx.request(method, self.region_url + path, headers={"X-Auth-Token": self.token}, verify=_TLS)


def control(simulator: OpenStackSimulator, method: str, path: str, body: Json = None) -> Json:
    """Send a command to the control API; return its answer."""
    answer = httpx.request(method, simulator.control_url + path, json=body, verify=_TLS)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def leftovers(simulator: OpenStackSimulator, project: str = "hearth-1", region: str = "montreal") -> Json:
    """The resources of a project in a region, without its stacks."""
    state = control(simulator, "GET", "/state")["regions"][region][project]
    return {kind: items for kind, items in state.items() if kind != "stacks" and items}
