"""A generated product, 2.6 times as large as ours and otherwise like it."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from chalicelib.runtime.registry import Route, load_all
from tests.template.projects import fixture_project
from tools.template.stacks import AREAS

ENDPOINTS = 450
ALIASES = 12
SIX_AREAS = AREAS[:6]
_RESOURCES = ENDPOINTS // 5 // len(SIX_AREAS)
_SCHEDULES, _WEBHOOKS, _TASKS = 7, 2, 4
"""The number of other functions for each area, in proportion to our product."""

_HEAD = '''"""Entry points that do nothing."""

from chalicelib.runtime import grants
from chalicelib.runtime.registry import Function, Queue, Route, Schedule, Task, Webhook, register


def _add(name, trigger, *granted):
    def handler(_event, _context):
        return None

    handler.__name__ = name
    globals()[name] = handler
    register(Function(name, __name__, trigger, handler, granted))


'''


def synthetic_project(folder: Path) -> Path:
    """The product's files with generated functions, in `folder`."""
    project = fixture_project(folder)
    functions = project / "functions"
    for old in [*functions.rglob("*.py"), *(project / "state_machines").iterdir()]:
        old.unlink()
    sets_of_grants = cycle(_sets_of_grants())
    _write(functions / "__init__.py", '"""Entry points."""\n')
    for area in SIX_AREAS:
        _write(functions / area / "__init__.py", f'"""The area {area}."""\n')
        for number in range(_RESOURCES):
            _write(functions / area / f"r{number}" / "__init__.py", '"""A resource."""\n')
            lines = _endpoints(area, number)
            code = "".join(
                f"_add({line}, {granted})\n" for line, granted in zip(lines, sets_of_grants, strict=False)
            )
            _write(functions / area / f"r{number}" / "endpoints.py", _HEAD + code)
        code = "".join(f"_add({line})\n" for line in _workers(area))
        _write(functions / area / "r0" / "workers.py", _HEAD + code)
        called = ", ".join(
            f'"S{number}": {{"Type": "Task", "Resource": "${{{area.capitalize()}Task{number}}}", "End": true}}'
            for number in range(_TASKS)
        )
        _write(
            project / "state_machines" / f"{area}_provision.asl.json",
            f'{{"StartAt": "S0", "States": {{{called}}}}}',
        )
    return project


def _sets_of_grants() -> list[str]:
    """The sets of grants of our endpoints, as often as they occur."""
    return [
        ", ".join(f"grants.{grant.name.upper()}" for grant in function.grants)
        for function in load_all()
        if isinstance(function.trigger, Route)
    ]


def _endpoints(area: str, number: int) -> Iterator[str]:
    """Five operations on one resource; every third resource is for staff."""
    resource = f"{area}-things-{number}"
    root = f"/v1/admin/{resource}" if number % 3 == 0 else f"/{resource}"
    one = f"{root}/{{thingId}}"
    places = (
        ("GET", root),
        ("POST", root),
        ("GET", one),
        ("POST", f"{one}/actions/stop"),
        ("GET", f"{one}/events"),
    )
    for place, (method, path) in enumerate(places):
        aliases = f', (("{method}", "/v1/{resource}"),)' if (number, place) in {(1, 0), (2, 0)} else ""
        yield f'"{area}_operation_{number}_{place}", Route("{method}", "{path}"{aliases})'


def _workers(area: str) -> Iterator[str]:
    for number in range(_SCHEDULES):
        yield f'"{area}_schedule_{number}", Schedule("rate(5 minutes)"), grants.TABLE_READ, grants.TABLE_WRITE'
    for number in range(_WEBHOOKS):
        yield f'"{area}_webhook_{number}", Webhook("{area}_{number}"), grants.PAYMENT_ACCESS'
    for number in range(_TASKS):
        yield f'"{area}_task_{number}", Task(), grants.PROVIDER_ACCESS, grants.ALERT_STAFF'
    yield f'"{area}_worker", Queue("MeteringQueue"), grants.WORK_METERING'


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
