"""A local cloud for the test run: the packaged product with fast simulators, in a folder of its own.

With `HEARTH_E2E_HOME=.local`, tests use the cloud that runs in that folder, and need not start one.
"""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from dev.demo.client import Client
from dev.demo.people import Person, mailed_token, staff_owner
from dev.localcloud.home import Home, read_json, write_json
from dev.localcloud.ports import HOST, Ports
from tests.support.packages import give_package, product_package
from tools.package import ROOT

SPEED = 20.0
"""The speed of the simulators."""
WAIT_SCALE = 0.1
"""The scale of state machines' waits."""

_ADDRESSES = ip_network("100.64.0.0/10")


@dataclass(frozen=True)
class LocalCloud:
    """A running cloud."""

    home: Home
    endpoints: Mapping[str, Any]

    def visitor(self) -> Client:
        """A client with an IP address that no other test uses, so that rate limits are not shared."""
        address = _ADDRESSES[random.randrange(_ADDRESSES.num_addresses)]
        return Client(self.endpoints["api"], headers={"X-Local-Source-Ip": str(address)})

    def registered(self, name: str = "Ada Lovelace") -> Person:
        """A new person with a verified address."""
        person, visitor = Person.made_up(name), self.visitor()
        _ = visitor.post("/auth/register", person.registration()).data
        _, token = mailed_token(self.endpoints["mailbox"], person.email)
        _ = visitor.post("/auth/verify-email", {"token": token}).data
        return person

    def owner(self) -> Client:
        """A session of the installation's owner."""
        visitor = self.visitor()
        person, _ = staff_owner(visitor, self.home)
        return person.sign_in(visitor)


@contextmanager
def running_cloud(home: Home, *options: str) -> Iterator[LocalCloud]:
    """A cloud in `home`, stopped at the end."""
    try:
        take_any_ports(home)
        localcloud(home, "up", "--speed", str(SPEED), "--wait-scale", str(WAIT_SCALE), *options)
        yield LocalCloud(home, read_json(home.endpoints))
    finally:
        localcloud(home, "down")


@contextmanager
def session_cloud(factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The cloud that the tests of one worker share."""
    shared = os.environ.get("HEARTH_E2E_HOME")
    if shared is None:
        home = Home(factory.mktemp("cloud"))
        give_package(home, product_package(factory))
        with running_cloud(home) as cloud:
            yield cloud
        return
    home = Home(Path(shared).resolve())
    endpoints = read_json(home.endpoints)
    assert endpoints, f"no cloud runs in {home.folder}"
    yield LocalCloud(home, endpoints)


def take_any_ports(home: Home) -> None:
    """Give a new cloud free ports: another program may take the usual ports at any moment."""
    if home.ports.exists():
        return
    with ExitStack() as stack:
        sockets = {field.name: stack.enter_context(socket.create_server((HOST, 0))) for field in fields(Ports)}
        write_json(home.ports, {name: listening.getsockname()[1] for name, listening in sockets.items()})


def localcloud(home: Home, *arguments: str) -> str:
    """Run `python -m dev.localcloud`, which must succeed; return its output."""
    command = [sys.executable, "-m", "dev.localcloud", "--home", str(home.folder), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
