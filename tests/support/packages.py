"""The product's package, which all test processes share: packaging takes seconds, and many tests need it."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from dev.localcloud.deploy import Source
from dev.localcloud.home import Home, write_json
from tools import finalise
from tools.package import ROOT, package
from tools.runtime import Platform
from tools.template.budgets import SHARE_PERCENT


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The temporary folder that all processes of this test run share."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def package_once(project: Path, build: Path, percent: int = SHARE_PERCENT) -> None:
    """Package `project` into `build` within `percent` of the quotas, unless another test process has done so."""
    build.mkdir(parents=True, exist_ok=True)
    with (build / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (build / finalise.MANIFEST).exists():
            package(project, build, Platform.here(), ROOT / "build" / "layers", percent)


def product_package(factory: pytest.TempPathFactory) -> Path:
    """The folder with the product's package."""
    build = shared_folder(factory) / "product"
    package_once(ROOT, build)
    return build


def give_package(home: Home, build: Path) -> None:
    """Put the product's package into a new home, where the first `up` would otherwise build it."""
    home.prepare()
    shutil.copytree(build, home.build, dirs_exist_ok=True)
    write_json(home.packaged, Source().fingerprint())
