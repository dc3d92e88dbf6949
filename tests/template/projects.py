"""The product and the fixture project, packaged once for each run of the tests."""

import fcntl
import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tools import finalise
from tools.package import ROOT, package
from tools.runtime import Platform

FIXTURE = Path(__file__).parent / "fixture_project"


@dataclass(frozen=True)
class Packaged:
    """A project and the folder into which it was packaged."""

    project: Path
    build: Path

    @cached_property
    def template(self) -> dict[str, Any]:
        """What is deployed, before SAM expands it."""
        loaded: dict[str, Any] = json.loads((self.build / "template.json").read_text())
        return loaded

    @cached_property
    def expanded(self) -> dict[str, Any]:
        """What CloudFormation makes of it."""
        return finalise.expand(self.template)

    def functions(self) -> dict[str, dict[str, Any]]:
        """The properties of each Lambda, by logical id."""
        return self.of_type("AWS::Lambda::Function")

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of each expanded resource of one kind, by logical id."""
        resources = self.expanded["Resources"].items()
        return {name: resource["Properties"] for name, resource in resources if resource["Type"] == kind}


def fixture_project(folder: Path) -> Path:
    """The product's files with the fixture project's functions and state machines, in `folder`."""
    for name in ("chalicelib", "infra", ".chalice"):
        ignored = shutil.ignore_patterns("__pycache__", "deployments", "deployed")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("app.py", "requirements.txt"):
        shutil.copyfile(ROOT / name, folder / name)
    for name in ("functions", "state_machines"):
        shutil.copytree(FIXTURE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def packaged_once(project: Path, build: Path) -> Packaged:
    """`project` packaged into `build`, by whichever test process comes first."""
    build.mkdir(parents=True, exist_ok=True)
    with (build / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (build / "template.json").exists():
            package(project, build, Platform.here(), ROOT / "build" / "layers")
    return Packaged(project, build)
