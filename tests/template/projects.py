"""The product and the fixture project, packaged once for each test run."""

import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.packages import package_once
from tools import finalise
from tools.package import ROOT, Package
from tools.template.budgets import SHARE_PERCENT

FIXTURE = Path(__file__).parent / "fixture_project"


@dataclass(frozen=True)
class Packaged:
    """A project, and the folder with its package."""

    project: Path
    build: Path

    @cached_property
    def templates(self) -> dict[str, dict[str, Any]]:
        """The templates in the order of deployment, before SAM expands them."""
        return {
            stack: json.loads((self.build / f"{stack}.json").read_text()) for stack in Package(self.build).stacks
        }

    @cached_property
    def expanded(self) -> dict[str, dict[str, Any]]:
        """The templates after SAM has expanded them."""
        return {stack: finalise.expand(template) for stack, template in self.templates.items()}

    @cached_property
    def size(self) -> finalise.Size:
        """The size of the package, with its use of AWS's quotas."""
        return finalise.measure(self.templates, (self.build / "code.zip", self.build / "layer.zip"))

    def functions(self) -> dict[str, dict[str, Any]]:
        """The properties of each Lambda, by logical id, which is unique among the stacks."""
        found = self.of_type("AWS::Lambda::Function")
        assert len({logical_id for _, logical_id in found}) == len(found)
        return {logical_id: properties for (_, logical_id), properties in found.items()}

    def of_type(self, kind: str) -> dict[tuple[str, str], dict[str, Any]]:
        """The properties of each expanded resource of one kind, by stack and logical id."""
        return {
            (stack, logical_id): resource["Properties"]
            for stack, template in self.expanded.items()
            for logical_id, resource in template["Resources"].items()
            if resource["Type"] == kind
        }

    @property
    def apis(self) -> dict[str, str]:
        """The logical id of the REST API of each base path."""
        mappings = self.of_type("AWS::ApiGatewayV2::ApiMapping").values()
        return {mapping["ApiMappingKey"]: mapping["ApiId"]["Ref"] for mapping in mappings}

    def operations(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Each integration by path and method, as callers see them, including preflights."""
        found = {}
        for base_path, logical_id in self.apis.items():
            api = self.templates["front"]["Resources"][logical_id]
            for path, operations in api["Properties"]["DefinitionBody"]["paths"].items():
                for method, operation in operations.items():
                    public = f"/{base_path}{path}".removeprefix("/api").removesuffix("/")
                    found[public, method] = operation["x-amazon-apigateway-integration"]
        return found


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


def packaged_once(project: Path, build: Path, percent: int = SHARE_PERCENT) -> Packaged:
    """`project` packaged into `build` within `percent` of the quotas; the first test process packages it."""
    package_once(project, build, percent)
    return Packaged(project, build)
