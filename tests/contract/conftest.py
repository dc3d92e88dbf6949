"""Selects the lab by `HEARTH_CONTRACT_TARGET`, and leaves out the cases that it does not support."""

import os
import secrets
from collections.abc import Callable, Iterator

import pytest

from chalicelib.domain.cloud.providers.ports import ComputeProvider
from tests.contract.gateway_lab import lab_class
from tests.contract.lab import BLOCKING, CAPACITY, PLACEMENTS, QUOTA, REVOCATION, Lab
from tests.contract.openstack_lab import CloudLab, levers_of_environment

TARGET = os.environ.get("HEARTH_CONTRACT_TARGET", "simulator")


def _simulator() -> Lab:
    from tests.contract.simulator_lab import SimulatorLab

    return SimulatorLab()


def _simulator_levers() -> frozenset[str]:
    from tests.contract.simulator_lab import LEVERS

    return LEVERS


_LABS: dict[str, tuple[Callable[[], Lab], Callable[[], frozenset[str]]]] = {
    "simulator": (_simulator, _simulator_levers),
    "openstack": (CloudLab, levers_of_environment),
}


_LEVERS = frozenset({BLOCKING, CAPACITY, PLACEMENTS, QUOTA, REVOCATION})
_TIMEOUT_SECONDS = {"simulator": 90, "openstack": 900}
"""The limit for one case. Heat takes 84 s to find that no host has room, and as long to give up a deletion."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*levers): what a lab must offer for this contract case")
    if TARGET not in _LABS:
        raise pytest.UsageError(f"HEARTH_CONTRACT_TARGET must be one of {', '.join(_LABS)}, not {TARGET!r}")


def pytest_report_header() -> str:
    lacking = _LEVERS - _LABS[TARGET][1]()
    return f"contract target: {TARGET}" + (f", which lacks {', '.join(sorted(lacking))}" if lacking else "")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out and report the cases whose levers the target lacks; set the time limit of each case."""
    cases = [item for item in items if "lab" in getattr(item, "fixturenames", ())]
    for item in cases:
        item.add_marker(pytest.mark.timeout(_TIMEOUT_SECONDS[TARGET]))
    lacking = {item: missing for item in items if (missing := _missing(item))}
    if lacking:
        config.hook.pytest_deselected(items=list(lacking))
        items[:] = [item for item in items if item not in lacking]
        report = config.pluginmanager.get_plugin("terminalreporter")
        for item, missing in lacking.items():
            if report is not None:
                report.write_line(f"left out: {item.name}, which lacks {', '.join(sorted(missing))}")


def _missing(item: pytest.Item) -> set[str]:
    """The levers that a case needs and its lab lacks: the target's lab, or a gateway's."""
    needed = {lever for mark in item.iter_markers("needs") for lever in mark.args}
    if not needed:
        return set()
    tried_on = getattr(item, "callspec", None)
    gateway = tried_on.params.get("running") if tried_on else None
    return needed - (lab_class(gateway).levers if gateway else _LABS[TARGET][1]())


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The cloud under test."""
    made = _LABS[TARGET][0]()
    yield made
    made.close()


@pytest.fixture(scope="session")
def installation() -> str:
    """The name of an installation that no other run uses."""
    return f"contract-{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
def provider(lab: Lab, installation: str) -> ComputeProvider:
    """The provider under test."""
    return lab.provider(installation)
