"""The packaged projects."""

from pathlib import Path

import pytest

from tests.support.packages import product_package, shared_folder
from tests.template.projects import Packaged, fixture_project, packaged_once
from tools.package import ROOT

_HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process run these tests: expanding the product's templates takes seconds, and each would do it."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.xdist_group("template"))


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """The packaged product."""
    return Packaged(ROOT, product_package(tmp_path_factory))


@pytest.fixture(scope="session")
def fixture(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """The packaged fixture project, which has every kind of trigger."""
    project = fixture_project(tmp_path_factory.mktemp("fixture") / "project")
    return packaged_once(project, shared_folder(tmp_path_factory) / "fixture-build")


@pytest.fixture(scope="session", params=["product", "fixture"])
def packaged(request: pytest.FixtureRequest) -> Packaged:
    """Each of the two."""
    chosen: Packaged = request.getfixturevalue(request.param)
    return chosen
