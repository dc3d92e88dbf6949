"""A function of the API loads no heavy library, and no other function, to answer its first request."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from benchmarks.first_exchange import Scene, opened_scene
from chalicelib.http import HASHING_MEMORY_MB
from chalicelib.http.spec import EndpointSpec
from chalicelib.runtime.grants import PAYMENT_ACCESS, PROVIDER_ACCESS, SEND_MAIL
from chalicelib.runtime.registry import Function, load_all
from tests.support.engine import Engine
from tools.aws_models import SERVICES
from tools.package import ROOT

Need = Callable[[Function], bool]


def _asks_other_services(function: Function) -> bool:
    """Those without a cut model, for which botocore's own models and boto3 are loaded."""
    return any(action.partition(":")[0] not in SERVICES for grant in function.grants for action in grant.actions)


def _asks_providers(function: Function) -> bool:
    return PROVIDER_ACCESS in function.grants


def _never(_: Function) -> bool:
    return False


HEAVY: dict[str, Need] = {
    "boto3": _asks_other_services,
    "openstack": _asks_providers,
    "keystoneauth1": _asks_providers,
    "requests": _asks_providers,
    "stripe": lambda function: PAYMENT_ACCESS in function.grants,
    "argon2": lambda function: function.memory_mb >= HASHING_MEMORY_MB,
    "jinja2": lambda function: SEND_MAIL in function.grants,
    "reportlab": _never,
    "jwt": _never,
    "cryptography.x509": _never,
    "chalicelib.http.openapi": _never,
}
"""Modules, and the functions that declare a need of them."""


class Cold:
    """Answers requests as a cold function would."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def loaded(self, module: str, function: str, event: object) -> list[str]:
        """The heavy modules, and those of functions, that the first exchange loads."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([module, function, event]) + "\n")
        self._process.stdin.flush()
        _, found = json.loads(self._process.stdout.readline())
        return list(found)


@pytest.fixture(scope="module")
def scene(engine: Engine) -> Iterator[Scene]:
    """The world of the benchmark."""
    engine.fresh_table()
    with opened_scene(engine) as scene:
        yield scene


@pytest.fixture(scope="module")
def cold(scene: Scene) -> Iterator[Cold]:
    """A process that has the environment of `scene`."""
    command = [sys.executable, "-m", "tests.support.cold", *HEAVY]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Cold(process)
        assert process.stdin
        process.stdin.close()


def test_functions_of_the_api_load_what_they_need(scene: Scene, cold: Cold) -> None:
    """Each of those that ask no provider is asked once; what it may load follows from what it declares."""
    found, asked = [], 0
    for function in load_all():
        for name, exchange in scene.sample_of(function):
            scene.world.snapshot.restore()
            allowed = {module for module, needs in HEAVY.items() if needs(function)}
            loaded = cold.loaded(exchange.module, exchange.function, exchange.event)
            others = [one for one in loaded if one.endswith(".endpoints") and one != function.module]
            found += [f"{name} loads {one}" for one in loaded if one in HEAVY and one not in allowed]
            found += [f"{name} loads {one}" for one in others]
            asked += 1
    assert found == []
    assert asked > sum(isinstance(function.documentation, EndpointSpec) for function in load_all()) / 2
