"""Fixtures that several integration tests share; a file that needs another of the same name makes its own."""

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
    """A simulated OpenStack region; whoever builds on it makes it fresh for each test."""
    with running_region() as region:
        yield region


@pytest.fixture(scope="session")
def builder() -> WorldBuilder:
    """Builds Ann's world once, and puts it back for each test."""
    return WorldBuilder()
