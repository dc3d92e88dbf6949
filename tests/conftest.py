"""Fixtures of every test. The environment is set first: the product reads it when it is imported."""

import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.support import programs, settings

settings.apply()

from chalicelib.wiring.app import App, use  # noqa: E402 (the environment comes first)
from tests.support.api import Api  # noqa: E402
from tests.support.aws import PlayedAws, leave_aws, play_aws  # noqa: E402
from tests.support.clock import SettableClock  # noqa: E402
from tests.support.engine import Engine, running_engine  # noqa: E402
from tests.support.parts import give  # noqa: E402

_PROMISE = re.compile(r"test_(g\d\d)_")


def pytest_report_header() -> str:
    """Say on which DynamoDB the tests run: it is not the same one on every machine."""
    try:
        return programs.chosen().described()
    except (OSError, subprocess.SubprocessError) as error:
        raise pytest.UsageError(f"The DynamoDB engine does not run: {error}. HEARTH_DYNAMODB=ministack") from error


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test named after a promise bears its number: `test_g07_…` is marked G07."""
    for item in items:
        named = _PROMISE.match(item.name)
        if named:
            item.add_marker(pytest.mark.guarantee(named[1].upper()))


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The run's own DynamoDB engine."""
    with running_engine() as engine:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = engine.url
        yield engine


@pytest.fixture
def table(engine: Engine) -> Engine:
    """An empty table."""
    engine.fresh_table()
    return engine


@pytest.fixture(autouse=True)
def _fresh_app() -> None:
    """No service, and no client of AWS, outlives the test that built it."""
    use(App())
    leave_aws()


@pytest.fixture
def aws() -> PlayedAws:
    """An account of AWS as moto plays it, with nothing of other tests in it."""
    return play_aws()


@pytest.fixture
def clock() -> SettableClock:
    """The clock of the whole product in this test."""
    settable = SettableClock()
    give(core={"clock": settable})
    return settable


@pytest.fixture
def api(table: Engine, clock: SettableClock) -> Api:
    """A client that nobody has signed in to, on an empty table, at `clock.now()`."""
    return Api()
