"""The cloud that most tests of this folder share; others start their own."""

from collections.abc import Iterator

import pytest

from dev.demo.client import Client
from dev.demo.cloud import Endpoints
from tests.support.cloud import LocalCloud, session_cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The cloud of this test worker; with several workers, the fault matrix has a cloud of its own."""
    with session_cloud(tmp_path_factory) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def cloud_endpoints(cloud: LocalCloud) -> Endpoints:
    """The addresses of the cloud's services."""
    return cloud.endpoints


@pytest.fixture(scope="session")
def owner(cloud: LocalCloud) -> Client:
    """A session of the installation's owner."""
    return cloud.owner()
