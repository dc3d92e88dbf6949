"""The cloud that the tests here share; tests that need another one start it themselves."""

from collections.abc import Iterator

import pytest

from dev.demo.client import Client
from dev.demo.cloud import Endpoints
from tests.support.cloud import LocalCloud, session_cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The worker's own cloud; the fault matrix has one to itself in a run with several."""
    with session_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def cloud_endpoints(cloud: LocalCloud) -> Endpoints:
    """Where everything of the cloud listens."""
    return cloud.endpoints


@pytest.fixture(scope="session")
def owner(cloud: LocalCloud) -> Client:
    """A session of the installation's owner."""
    return cloud.owner()
