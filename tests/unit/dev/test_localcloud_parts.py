"""Parts of the local cloud that can be tested without a running cloud."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from dev.localcloud.aws.asgi import Receive, Scope, Send
from dev.localcloud.aws.faults import BadFault, Fault, Faults
from dev.localcloud.aws.front import FrontDoor
from dev.localcloud.aws.mailbox import Mailbox
from dev.localcloud.aws.names import Names
from dev.localcloud.home import Home, read_json, write_json
from dev.localcloud.ports import Ports, choose
from dev.localcloud.processes import Process, stop
from tools.deploy import NoSuchStage, Stage, addresses
from tools.package import ROOT


def _fault(**fields: object) -> Fault:
    return Fault.parse({"function": "f", "kind": "before", **fields})


def test_a_fault_fires_as_often_as_it_says_after_those_it_skips() -> None:
    """It fires only for its function and text."""
    faults = Faults()
    faults.add(_fault(times=2, skip=1, contains="dep_1"))
    assert faults.take("g", {"id": "dep_1"}) is None
    assert faults.take("f", {"id": "dep_2"}) is None
    met = [faults.take("f", {"id": "dep_1"}) is not None for _ in range(5)]
    assert met == [False, True, True, False, False]
    assert faults.listed()[0]["fired"] == 2


def test_a_star_meets_every_function() -> None:
    """Its event does not matter."""
    faults = Faults()
    fault = faults.add(_fault(function="*", kind="lose"))
    assert faults.take("anything", {}) is fault


def test_faults_are_forgotten_one_or_all() -> None:
    """One is removed by its id."""
    faults = Faults()
    first, second = faults.add(_fault()), faults.add(_fault())
    faults.clear(first.id)
    assert [fault["id"] for fault in faults.listed()] == [second.id]
    faults.clear()
    assert faults.listed() == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([], "JSON object"),
        ({"kind": "before"}, "function names the function"),
        ({"function": "f", "kind": "explode"}, "kind is one of"),
        ({"function": "f", "kind": "before", "colour": 1}, "has no colour"),
        ({"function": "f", "kind": "before", "fired": 1}, "has no fired"),
    ],
)
def test_what_is_no_fault_is_refused_with_a_sentence(body: object, sentence: str) -> None:
    """The sentence says what to change."""
    with pytest.raises(BadFault, match=sentence):
        Fault.parse(body)


def test_throttling_carries_lambdas_own_name_unless_told_otherwise() -> None:
    """State machines retry errors by these names."""
    assert _fault(kind="throttle").error == "Lambda.TooManyRequestsException"
    assert _fault(kind="before").error == "Lambda.ServiceException"
    assert _fault(kind="after", error="Lambda.SdkClientException").error == "Lambda.SdkClientException"


def test_a_taken_port_is_replaced_by_a_free_one() -> None:
    """The ports of the last run are used again."""
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        busy, idle = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        chosen = choose({"api": busy, "aws": idle})
    assert chosen.api != busy
    assert chosen.aws == idle
    assert len(set(vars(chosen).values())) == len(vars(Ports()))


def test_a_process_with_a_recycled_id_is_not_ours() -> None:
    """It does not count as alive, and is not ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        true = Process.of(running.pid)
        recycled = Process(running.pid, true.started_at - 1)
        assert true.alive()
        assert not recycled.alive()
        stop(recycled, 0.1)
        assert psutil.pid_exists(running.pid)
        stop(true, 5)
        assert running.wait(5) != 0
    assert not true.alive()


def test_a_process_that_does_not_listen_is_killed() -> None:
    """It is asked to end first."""
    script = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as running:
        assert running.stdout
        running.stdout.readline()
        stop(Process.of(running.pid), 0.2)
        assert running.wait(5) == -9


def test_a_file_is_replaced_at_once(tmp_path: Path) -> None:
    """No temporary file is left."""
    home = Home(tmp_path)
    assert read_json(home.endpoints) is None
    write_json(home.endpoints, {"api": 1})
    write_json(home.endpoints, {"api": 2})
    assert read_json(home.endpoints) == {"api": 2}
    assert os.listdir(tmp_path) == ["endpoints.json"]


def test_mail_is_found_by_address_and_newest_first() -> None:
    """Display names and the case of letters do not matter."""
    base = {"Source": "Hearth <no-reply@hearth.test>", "Subject": "s", "BodyText": "t"}
    entries = [
        {**base, "MessageId": "1", "To": ["Ada <ada@example.com>"], "Timestamp": 1.0},
        {**base, "MessageId": "2", "To": ["ADA@example.com"], "Timestamp": 2.0},
        {**base, "MessageId": "3", "To": ["bob@example.com"], "CC": ["ada@example.com"], "Timestamp": 1.5},
        {**base, "MessageId": "4", "To": ["bob@example.com"], "Timestamp": 3.0},
    ]
    mailbox = Mailbox(lambda: entries, entries.clear)
    assert [message["id"] for message in mailbox.messages("ada@example.com")] == ["2", "3", "1"]
    assert [message["id"] for message in mailbox.messages()] == ["4", "2", "3", "1"]


def test_a_stage_is_two_sections_of_samconfig() -> None:
    """For an unknown stage, the error names those that exist."""
    stage = Stage.read("prod", ROOT / "samconfig.toml")
    assert (stage.data_stack, stage.installation) == ("hearth-prod-data", "hearth-prod")
    with pytest.raises(NoSuchStage, match="no stage production; it has dev, localstack, prod"):
        Stage.read("production", ROOT / "samconfig.toml")


def test_the_operator_gets_one_address_or_all() -> None:
    """With a domain, callers see one API; without, each REST API has its own address."""
    many = {
        "RestAPIUrl": "https://a/api",
        "RestAPIV1Url": "https://b/api",
        "RestAPIId": "a",
        "PublicUrl": "https://c",
    }
    one = {**many, "ApiUrl": "https://api.example.com/api", "ApiDomainTarget": "d-1.execute-api"}
    assert addresses(one) == ["The API is https://api.example.com/api; its name must lead to d-1.execute-api"]
    first, second, advice = addresses(many)
    assert (first, second) == ("A REST API is https://a/api", "A REST API is https://b/api")
    assert "ApiDomain" in advice


_ROUTES = {"domain": "api.hearth.test", "webhooks": {"stripe": "url"}}


@pytest.mark.parametrize(
    ("path", "led_to"),
    [
        ("/api/health", ("/api/health", b"api.hearth.test")),
        ("/api/v1/profile", ("/api/v1/profile", b"api.hearth.test")),
        ("/api/notes/é /x", ("/api/notes/%C3%A9%20/x", b"api.hearth.test")),
        ("/webhooks/stripe", ("/_aws/lambda-url/url/", b"127.0.0.1")),
        ("/webhooks/stripe/ü", ("/_aws/lambda-url/url/%C3%BC", b"127.0.0.1")),
        ("/apis/health", None),
        ("/webhooks/other", None),
    ],
)
def test_the_front_door_names_the_domain_whose_mappings_lead_to_the_apis(
    tmp_path: Path, path: str, led_to: tuple[str, bytes] | None
) -> None:
    """It sends the domain as a browser does; webhooks go to the address of their function."""
    (tmp_path / "routes.json").write_text(json.dumps(_ROUTES))
    seen: list[tuple[str, bytes]] = []
    sent: list[Any] = []

    async def inner(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append((scope["raw_path"].decode("ascii"), dict(scope["headers"])[b"host"]))

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    door = FrontDoor(inner, tmp_path / "routes.json")
    asyncio.run(door({"type": "http", "path": path, "headers": [(b"host", b"127.0.0.1")]}, receive, send))
    assert seen == ([led_to] if led_to else [])
    assert bool(sent) is (led_to is None)


def test_functions_are_known_by_the_names_of_the_registry() -> None:
    """Their stack does not matter; functions of others are ignored."""
    names = Names("hearth")
    assert [names.of(name) for name in ("hearth-people-login", "hearth-login")] == ["login", "login"]
    assert (names.of("another-login"), names.has("another-login")) == ("another-login", False)
