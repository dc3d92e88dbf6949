"""The packaged projects."""

import os
from pathlib import Path

import pytest

from tests.template.projects import Packaged, fixture_project, packaged_once
from tools.package import ROOT


def _shared(factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run share."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """The packaged product."""
    return packaged_once(ROOT, _shared(tmp_path_factory) / "product")


@pytest.fixture(scope="session")
def fixture(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """The packaged fixture project, which has every kind of trigger."""
    project = fixture_project(tmp_path_factory.mktemp("fixture") / "project")
    return packaged_once(project, _shared(tmp_path_factory) / "fixture-build")


@pytest.fixture(scope="session", params=["product", "fixture"])
def packaged(request: pytest.FixtureRequest) -> Packaged:
    """Each of the two."""
    chosen: Packaged = request.getfixturevalue(request.param)
    return chosen
