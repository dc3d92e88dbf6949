"""The local cloud as a developer uses it: started, edited, interrupted, started again."""

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from dev.demo.checks import await_value
from dev.demo.client import Client, ask
from dev.demo.people import Owner, Person, staff_owner
from dev.localcloud.home import Home, read_json
from dev.localcloud.ports import HOST
from tests.support.cloud import localcloud, running_cloud, take_any_ports
from tools.package import ROOT

pytestmark = pytest.mark.xdist_group("second_cloud")

START_SECONDS = 180.0
STOP_SECONDS = 30.0
SHARDS = 16
_EDITED = "functions/foundation/docs/endpoints.py"
_PROJECT = (
    ".chalice",
    "app.py",
    "catalog",
    "chalicelib",
    "functions",
    "heat_templates",
    "infra",
    "requirements.txt",
    "state_machines",
    "tools",
)


@dataclass(frozen=True)
class Interrupted:
    """A cloud that ran in the foreground until Ctrl-C."""

    home: Home
    owner: Owner
    exit_status: int
    output: str
    left_over: list[psutil.Process]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the product that tests can edit."""
    copy = tmp_path_factory.mktemp("project")
    for name in _PROJECT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, copy / name)
    return copy


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Interrupted:
    """A cloud that was used once and then stopped by Ctrl-C."""
    home = Home(tmp_path_factory.mktemp("home"))
    take_any_ports(home)
    command = [sys.executable, "-m", "dev.localcloud", "--home", str(home.folder), "up", "--foreground"]
    log = home.folder / "foreground.log"
    with log.open("wb") as output:
        foreground = psutil.Popen(
            [*command, "--project", str(project)], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )

    def ready() -> dict[str, str] | None:
        assert foreground.poll() is None, log.read_text()
        return read_json(home.endpoints) or None

    endpoints = await_value("a running cloud", ready, deadline_seconds=START_SECONDS)
    owner, _ = staff_owner(Client(endpoints["api"]), home)
    _ = owner.sign_in(Client(endpoints["api"])).get("/me").data
    children = foreground.children(recursive=True)
    foreground.send_signal(signal.SIGINT)
    exit_status = foreground.wait(STOP_SECONDS)
    _, left_over = psutil.wait_procs(children, timeout=5)
    return Interrupted(home, owner, exit_status, log.read_text(), left_over)


@pytest.fixture(scope="module")
def again(interrupted: Interrupted, project: Path) -> Iterator[dict[str, str]]:
    """The same cloud, started again in the background, while other programs use all its old ports."""
    with ExitStack() as others:
        for port in read_json(interrupted.home.ports).values():
            others.enter_context(socket.create_server((HOST, port)))
        with running_cloud(interrupted.home, "--project", str(project)) as cloud:
            yield dict(cloud.endpoints)


def test_ctrl_c_ends_every_process_and_says_nothing_bad(interrupted: Interrupted) -> None:
    assert interrupted.exit_status == 0
    assert interrupted.left_over == []
    assert "Traceback" not in interrupted.output
    assert not interrupted.home.processes.exists() or read_json(interrupted.home.processes)


def test_state_outlives_the_cloud(again: dict[str, str], interrupted: Interrupted) -> None:
    interrupted.owner.forget_session()  # the secret of the owner's app must open with the stored KMS key
    session = interrupted.owner.sign_in(Client(again["api"]))
    assert session.get("/me").data["staffRole"] == "OWNER"
    other = Person.made_up("Another Owner")
    assert Client(again["api"]).post("/v1/setup", other.registration()).code == "CONFLICT"


def test_queues_are_worked_after_a_restart_on_other_ports(again: dict[str, str]) -> None:
    assert ask("POST", f"{again['control']}/schedules/meter_usage/run") == {"result": {"shards": SHARDS}}

    def all_metered() -> bool | None:
        found = ask("GET", f"{again['control']}/invocations", params={"function": "meter_shard"})
        return len(found) == SHARDS or None

    await_value(f"{SHARDS} shards to be metered", all_metered, deadline_seconds=60)


def test_endpoints_name_everything_and_listen_on_loopback_alone(again: dict[str, str]) -> None:
    assert {"api", "websocket", "webhooks", "mailbox", "control", "simulators", "aws", "table"} <= again.keys()
    assert "127.0.0.1" in again["api"]
    urls = json.dumps(again)
    assert "localhost" not in urls
    assert "0.0.0.0" not in urls


def test_second_up_brings_an_edit_in(again: dict[str, str], interrupted: Interrupted, project: Path) -> None:
    edited = project / _EDITED
    edited.write_text(edited.read_text().replace("max-age=300", "max-age=299"))
    said = localcloud(interrupted.home, "up", "--project", str(project))
    answer = httpx.get(f"{again['api']}/docs/openapi.json", timeout=30)
    assert answer.headers["Cache-Control"] == "public, max-age=299"
    assert "Brought in in " in said


def test_third_up_has_nothing_to_do(again: dict[str, str], interrupted: Interrupted, project: Path) -> None:
    localcloud(interrupted.home, "up", "--project", str(project))
    assert "Nothing has changed." in localcloud(interrupted.home, "up", "--project", str(project))
