"""Turns the output of `chalice package` into deployable templates, and refuses templates above a quota.

Chalice packages only `app.py`, `chalicelib/` and itself, and puts all functions into one template, with one API
and one handler for all its routes. This step packages everything that the Lambdas import, puts each function into
its stack and each path into its API as `tools/overlay.py` planned, and checks the budgets
(`tools/template/budgets.py`).
"""

import argparse
import copy
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.template import budgets
from tools.template.budgets import Template, Use, minified
from tools.template.shares import API
from tools.template.stacks import ORDER

MANIFEST = "stacks.json"
"""A file in the build folder: the stacks, in the order of deployment."""

SHIPPED_FILES = ("docs/openapi.json",)
SHIPPED_FOLDERS = ("chalicelib", "functions", "heat_templates")
"""The files that the functions read at run time; nothing else is packaged."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16
_NOT_NEEDED = ("consumes", "produces")
"""Parts of Chalice's operations that API Gateway does not use."""


class SharedFunction(Exception):
    """An operation of the API calls another function than the declared one."""


@dataclass(frozen=True)
class Size:
    """The numbers of parts that were built, and their use of every quota."""

    stacks: int
    functions: int
    operations: int
    apis: int
    uses: tuple[Use, ...]

    def summary(self) -> str:
        """One line that `make package` prints."""
        resources = budgets.largest(self.uses, budgets.RESOURCES)
        template = budgets.largest(self.uses, budgets.TEMPLATE_BYTES)
        unzipped = budgets.largest(self.uses, budgets.UNZIPPED_BYTES)
        return (
            f"{self.functions} functions, {self.operations} operations in {self.apis} REST APIs, "
            f"{self.stacks} stacks: {resources.what} has {resources.actual} resources, "
            f"{template.what} {template.actual / 1e3:.0f} kB of template; {unzipped.actual / 1e6:.0f} MB unzipped"
        )


def code_archive(project: Path, destination: Path) -> None:
    """Write the functions' code and byte code as an archive; the same files give the same bytes."""
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _shipped_files(project):
            entry = zipfile.ZipInfo(path.relative_to(project).as_posix(), _EPOCH)
            entry.external_attr = _READABLE
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def finalise(project: Path, build: Path, percent: int = budgets.SHARE_PERCENT) -> Size:
    """Write `code.zip`, a template for each stack and the manifest into `build`.

    Reads `plan.json`, Chalice's `chalice/sam.json` and `layer.zip` there.

    Raises:
        budgets.BudgetExceeded, SharedFunction: the package must not be deployed.
    """
    plan = json.loads((build / "plan.json").read_text())
    packaged = json.loads((build / "chalice" / "sam.json").read_text())
    check_operations(packaged, plan["operations"])
    templates = divided(packaged, plan)
    code_archive(project, build / "code.zip")
    size = measure(templates, (build / "code.zip", build / "layer.zip"))
    budgets.check(size.uses, percent)
    for stack in ORDER:
        (build / f"{stack}.json").unlink(missing_ok=True)
    for stack, template in templates.items():
        (build / f"{stack}.json").write_text(minified(template))
    (build / MANIFEST).write_text(json.dumps({"stacks": list(templates)}) + "\n")
    return size


def divided(packaged: Template, plan: Mapping[str, Any]) -> dict[str, Template]:
    """The templates of the plan, in order, completed with Chalice's functions and paths."""
    templates: dict[str, Template] = {
        stack: copy.deepcopy(plan["stacks"][stack]) for stack in ORDER if stack in plan["stacks"]
    }
    for template in templates.values():
        shared = template.get("Globals", {}).get("Function")
        if shared is not None:
            shared["CodeUri"] = "./code.zip"
            for logical_id in template["Resources"]:
                made = packaged["Resources"].get(logical_id, {})
                if made.get("Type") == "AWS::Serverless::Function":
                    properties = _without_common(made["Properties"], shared)
                    template["Resources"][logical_id] = {"Type": made["Type"], "Properties": properties}
        for logical_id, paths in plan["apis"].items():
            if logical_id in template["Resources"]:
                body = template["Resources"][logical_id]["Properties"]["DefinitionBody"]
                body |= _definition(packaged, paths)
    return templates


def check_operations(packaged: Template, declared: Mapping[str, str]) -> None:
    """Check that each operation calls the function that `declared` names: one endpoint, one Lambda.

    Raises:
        SharedFunction: names the operation, and the function that it calls.
    """
    owners: dict[str, str] = {}
    for place, integration in _integrations(packaged):
        uri = json.dumps(integration["uri"])
        if "APIHandler" in uri:
            raise SharedFunction(f"{place} has no function of its own: it is in no registered Route")
        owner = owners.setdefault(uri, place)
        if declared.get(owner) != declared.get(place):
            raise SharedFunction(f"{place} and {owner} share one function, and are no aliases")


def measure(templates: Mapping[str, Template], archives: tuple[Path, ...]) -> Size:
    """The size of the package after SAM has expanded it."""
    expanded = {stack: expand(template) for stack, template in templates.items()}
    resources = [found for template in expanded.values() for found in template["Resources"].values()]
    bodies = [found["Properties"]["Body"] for found in resources if found["Type"] == "AWS::ApiGateway::RestApi"]
    unzipped = sum(_unzipped_bytes(archive) for archive in archives)
    return Size(
        stacks=len(templates),
        functions=sum(found["Type"] == "AWS::Lambda::Function" for found in resources),
        operations=sum(
            method != "options" for body in bodies for path in body["paths"].values() for method in path
        ),
        apis=len(bodies),
        uses=tuple(budgets.uses(templates, expanded, unzipped)),
    )


def expand(template: Template) -> Template:
    """The plain CloudFormation that SAM makes of `template`."""
    import boto3
    from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
    from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]

    local = copy.deepcopy(template)
    shared = local.get("Globals", {}).get("Function")
    if shared is not None:
        shared["CodeUri"] = {"Bucket": "bucket", "Key": "code"}
    for resource in local["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = {"Bucket": "bucket", "Key": "layer"}
    values = dict.fromkeys(local.get("Parameters", {}), "value")
    # SAM requires a region for the ARNs of managed policies, but our roles use no managed policies.
    translator = Translator(None, Parser(), boto_session=boto3.session.Session(region_name="us-east-1"))
    expanded: Template = translator.translate(local, parameter_values=values)
    translator.metrics.publish()  # sent nowhere; SAM warns if metrics were not published
    return expanded


def _without_common(properties: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in properties.items() if name not in shared}
    kept.pop("Tracing", None)
    kept.pop("Tags", None)
    return kept


def _definition(packaged: Template, paths: Mapping[str, str]) -> dict[str, Any]:
    """Chalice's API definition with only `paths`, which map each path to the one within its API."""
    body = packaged["Resources"][API]["Properties"]["DefinitionBody"]
    return {
        **{name: part for name, part in body.items() if not name.startswith("x-amazon-apigateway-gateway")},
        "paths": {local: _slim(body["paths"][path]) for path, local in paths.items()},
    }


def _slim(operations: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        method: {name: part for name, part in operation.items() if name not in _NOT_NEEDED}
        for method, operation in operations.items()
    }


def _integrations(packaged: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    api = packaged["Resources"].get(API)
    paths = api["Properties"]["DefinitionBody"]["paths"] if api else {}
    for path, operations in paths.items():
        for method, operation in operations.items():
            if method != "options":
                yield f"{method.upper()} {path}", operation["x-amazon-apigateway-integration"]


def _unzipped_bytes(archive: Path) -> int:
    with zipfile.ZipFile(archive) as opened:
        return sum(entry.file_size for entry in opened.infolist())


def _shipped_files(project: Path) -> list[Path]:
    found = [path for folder in SHIPPED_FOLDERS for path in (project / folder).rglob("*")]
    return sorted(path for path in (*found, *(project / name for name in SHIPPED_FILES)) if path.is_file())


def main() -> None:
    """Finalise a build folder that holds the plan, Chalice's `sam.json` and our `layer.zip`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--project", type=Path, required=True)
    options = parser.parse_args()
    print(finalise(options.project, options.build).summary())


if __name__ == "__main__":
    main()
