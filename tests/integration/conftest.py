"""Fixtures that several integration tests share; a file can override one by the same name."""

from collections.abc import Iterator

import pytest

from tests.fakes.identity import People
from tests.fakes.lifecycle import Region, running_region
from tests.support.api import Api
from tests.support.engine import Engine
from tests.support.world import WorldBuilder


@pytest.fixture
def people(api: Api, table: Engine, monkeypatch: pytest.MonkeyPatch) -> People:
    """People on an empty table."""
    return People(api, table, monkeypatch)


@pytest.fixture(scope="module")
def region() -> Iterator[Region]:
    """A simulated OpenStack region; fixtures that use it empty it for each test."""
    with running_region() as region:
        yield region


@pytest.fixture(scope="session")
def builder() -> WorldBuilder:
    """Builds Ann's world once, and restores it for each test."""
    return WorldBuilder()
