"""Fixtures for all tests. The environment is set first, because the product reads it when it is imported."""

import os
import re
import subprocess
from collections.abc import Iterator

import hypothesis
import pytest

from tests.support import programs, settings

settings.apply()

from chalicelib.wiring.app import App, use  # noqa: E402 (the environment comes first)
from tests.support.api import Api  # noqa: E402
from tests.support.aws import PlayedAws, leave_aws, play_aws  # noqa: E402
from tests.support.clock import SettableClock  # noqa: E402
from tests.support.engine import Engine, running_engine  # noqa: E402
from tests.support.parts import give  # noqa: E402

# A deadline for each example would fail tests on a busy machine.
hypothesis.settings.register_profile("hearth", deadline=None)
hypothesis.settings.load_profile("hearth")

_PROMISE = re.compile(r"test_(g\d\d)_")


def pytest_report_header() -> str:
    """Print the DynamoDB engine of the tests, which depends on the machine."""
    try:
        return programs.chosen().described()
    except (OSError, subprocess.SubprocessError) as error:
        raise pytest.UsageError(f"The DynamoDB engine does not run: {error}. HEARTH_DYNAMODB=ministack") from error


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test that is named after a promise with its number: `test_g07_…` with G07."""
    for item in items:
        named = _PROMISE.match(item.name)
        if named:
            item.add_marker(pytest.mark.guarantee(named[1].upper()))


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The DynamoDB engine of this test run."""
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
    """Make each test build its own services and AWS clients."""
    use(App())
    leave_aws()


@pytest.fixture
def aws() -> PlayedAws:
    """An AWS account simulated by moto, without resources of other tests."""
    return play_aws()


@pytest.fixture
def clock() -> SettableClock:
    """The clock that the product uses in this test."""
    settable = SettableClock()
    give(core={"clock": settable})
    return settable


@pytest.fixture
def api(table: Engine, clock: SettableClock) -> Api:
    """A client without a session, on an empty table, at `clock.now()`."""
    return Api()
