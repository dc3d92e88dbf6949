"""The first exchange of a cold function: import, wire, and answer one request, in a fresh process.

A customer waits for this, and not only for an import. The benchmark counts the processor time of the process, so
that other work of the machine changes little. The variants take turns, and use the same table.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.secret import serving_secret
from benchmarks.timing import Table, muted
from chalicelib.http.spec import EndpointSpec
from chalicelib.kernel.ids import Kind
from chalicelib.runtime.grants import PAYMENT_ACCESS, PROVIDER_ACCESS
from chalicelib.runtime.registry import Function, load_all
from tests.fakes.identity import FixedSigningKeys
from tests.support.api import find, proxy_event, request_headers
from tests.support.asking import body_of, path_of, query_of
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.world import World, WorldBuilder
from tools.overlay import LIBRARIES
from tools.package import ROOT

_ROUNDS = 9
_ROUNDS_OF_ALL = 3
_PROVIDERS = frozenset({PROVIDER_ACCESS, PAYMENT_ACCESS})
_ONE_EXCHANGE = "from benchmarks.exchange import main; main()"
_BYTE_CODE = ROOT / "build" / "byte-code"
_GOAL, _GOAL_OF_MEDIAN = 1.6, 1.4
_LIFE_SECONDS = 3600

_READS = (
    "/regions",
    "/me",
    "/sessions",
    "/projects",
    "/ssh-keys",
    "/api-keys",
    "/billing/balance",
    "/billing/ledger",
    "/deployments",
    "/deployments/{dep}",
)
_QUOTE = {"region": "montreal", "instanceType": "cpu-4x8", "imageId": "ubuntu-22.04"}


@dataclass(frozen=True)
class Exchange:
    """A module, its function, and the event that it gets."""

    module: str
    function: str
    event: Mapping[str, Any]


@dataclass(frozen=True)
class Taken:
    """The processor times of one variant in milliseconds, one for each round, and the status of its answers."""

    milliseconds: Sequence[float]
    status: int

    def ratio(self, other: "Taken") -> float:
        """The median of the ratios of the rounds: a slow round slows both variants."""
        pairs = zip(self.milliseconds, other.milliseconds, strict=True)
        return statistics.median(own / others for own, others in pairs)


class Scene:
    """The world of the tests in the engine's table, at the real time; peers may read the table."""

    def __init__(self, engine: Engine, patch: pytest.MonkeyPatch, secrets_url: str) -> None:
        self.world = WorldBuilder().build(engine, SettableClock(datetime.now(UTC)), patch)
        patch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets_url)  # moto works only in this process
        key = Ed25519PrivateKey.generate()
        patch.setenv("PEERS_PUBLIC_KEY", _pem(key))
        self._token_of_peers = _token_of_peers(self.world, key)

    def yardsticks(self) -> dict[str, Exchange]:
        """The bare client, and the same exchange as written with two peers' frameworks."""
        list_machines = proxy_event(
            "GET", "/deployments", query={"limit": "20"}, headers=request_headers(self._token_of_peers, None, None)
        )
        return {
            "a bare boto3 client": Exchange("benchmarks.peers.bare", "handler", list_machines),
            "Powertools' resolver, boto3": Exchange("benchmarks.peers.resolver", "handler", list_machines),
            "FastAPI, Mangum, boto3": Exchange("benchmarks.peers.asgi", "handler", list_machines),
        }

    def ours(self, method: str, path: str, **asked: Any) -> tuple[str, Exchange]:
        """A request by Ann, or by staff or a visitor if the endpoint is for them."""
        function, resource, values = find(method, path)
        spec: EndpointSpec = function.documentation
        sender = self.world.sender(spec.scope, public=spec.public).api
        headers = request_headers(sender.token, None, None)
        event = proxy_event(method, resource, path_values=values, headers=headers, **asked)
        return function.name, Exchange(function.module, function.name, event)

    def sample_of(self, function: Function) -> Iterator[tuple[str, Exchange]]:
        """Yield a valid request to the function, if it serves the API and needs no provider."""
        spec = function.documentation
        if isinstance(spec, EndpointSpec) and not _PROVIDERS.intersection(function.grants):
            ids = self.world.ann.ids
            body = body_of(spec, ids)
            yield self.ours(
                spec.method,
                path_of(spec, ids),
                body=None if body is None else json.dumps(body),
                query=query_of(spec),
            )


def run(engine: Engine) -> Table:
    """Compare ten reads and a quote with a bare client and with two peers."""
    with opened_scene(engine) as scene:
        yardsticks, ids = scene.yardsticks(), scene.world.ann.ids
        ours = [scene.ours("GET", path.format(**{str(kind): id_ for kind, id_ in ids.items()})) for path in _READS]
        ours.append(scene.ours("POST", "/deployments/quote", body=json.dumps(_QUOTE)))
        taken = in_fresh_processes({**yardsticks, **dict(ours)}, _ROUNDS, scene.world.snapshot.restore)
    return compared("The first exchange of a cold function", taken, len(yardsticks))


def run_all(engine: Engine) -> Table:
    """Compare every function of the API that needs neither a cloud nor a payment gateway with a bare client."""
    with opened_scene(engine) as scene:
        yardsticks = scene.yardsticks()
        ours = {name: exchange for function in load_all() for name, exchange in scene.sample_of(function)}
        taken = in_fresh_processes({**yardsticks, **ours}, _ROUNDS_OF_ALL, scene.world.snapshot.restore)
    return compared("The first exchange of every function that needs no provider", taken, len(yardsticks))


@contextmanager
def opened_scene(engine: Engine) -> Iterator[Scene]:
    """The scene, and the environment of the processes that play in it."""
    secret = json.dumps({"current": FixedSigningKeys().secret})
    with pytest.MonkeyPatch.context() as patch, serving_secret(secret) as secrets_url:
        patch.setenv("PYTHONPYCACHEPREFIX", str(_BYTE_CODE))  # use compiled modules, as in the layer
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        for name, value in LIBRARIES.items():
            patch.setenv(name, value)
        with muted():
            scene = Scene(engine, patch, secrets_url)
        yield scene


def in_fresh_processes(
    exchanges: Mapping[str, Exchange], rounds: int, before_each: Callable[[], None]
) -> dict[str, Taken]:
    """Run every exchange once to compile it and then `rounds` times, one after the other in each round.

    Raises:
        RuntimeError: an exchange gave no answer.
    """
    taken: dict[str, list[float]] = {name: [] for name in exchanges}
    statuses: dict[str, int] = {}
    for round_ in range(-1, rounds):
        for name, exchange in exchanges.items():
            before_each()
            milliseconds, statuses[name] = _run(exchange)
            if round_ >= 0:
                taken[name].append(milliseconds)
    return {name: Taken(times, statuses[name]) for name, times in taken.items()}


def _run(exchange: Exchange) -> tuple[float, int]:
    """The processor time of a fresh process that serves `exchange`, and the status of its answer."""
    command = [sys.executable, "-c", _ONE_EXCHANGE, exchange.module, exchange.function, json.dumps(exchange.event)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with process:
        assert process.stderr is not None
        said = process.stderr.read().decode()
        _, waited, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(waited)
    if process.returncode or not said.isdecimal():
        raise RuntimeError(f"{exchange.module}.{exchange.function} did not answer: {said[-2000:]}")
    return (used.ru_utime + used.ru_stime) * 1000, int(said)


def compared(title: str, taken: Mapping[str, Taken], yardsticks: int) -> Table:
    """A table of the times, also as multiples of the first; the note compares our functions with the goal."""
    first = next(iter(taken.values()))
    ratios = {name: each.ratio(first) for name, each in taken.items()}
    rows = [
        [
            name,
            f"{min(each.milliseconds):.0f}",
            f"{statistics.median(each.milliseconds):.0f}",
            f"{min(each.milliseconds) / min(first.milliseconds):.2f}",
            f"{ratios[name]:.2f}",
            str(each.status),
        ]
        for name, each in taken.items()
    ]
    ours = list(ratios.values())[yardsticks:]
    note = (
        f"Processor time of a fresh process, byte code compiled. Ours: median {statistics.median(ours):.2f} "
        f"(at most {_GOAL_OF_MEDIAN} is wanted), most {max(ours):.2f} (at most {_GOAL} for what asks no provider)."
    )
    return Table(title, ("", "least ms", "median ms", "ratio of the least", "ratio", "status"), rows, note)


def _token_of_peers(world: World, key: Ed25519PrivateKey) -> str:
    """A token for Ann's session in the peers' format."""
    ids = world.ann.ids
    claims = {"sub": ids[Kind.USER], "sid": ids[Kind.SESSION], "cus": ids[Kind.CUSTOMER]}
    life = {"iss": "peers", "aud": "peers", "exp": int(time.time()) + _LIFE_SECONDS}
    return jwt.encode(claims | life, key, "EdDSA")


def _pem(key: Ed25519PrivateKey) -> str:
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, public).decode()
