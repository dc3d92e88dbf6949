"""Makes what `chalice package` wrote deployable, and refuses what would not fit.

Chalice ships only `app.py`, `chalicelib/` and itself, and puts an all-in-one handler behind the API. This step
ships what the Lambdas import, drops what none of them needs, and checks the budgets of `docs/architecture.md`.
"""

import argparse
import copy
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Template = dict[str, Any]

SHIPPED_FOLDERS = ("chalicelib", "functions", "heat_templates")
"""What the functions read at run time; everything else stays at home."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16
_API_HANDLER_RESOURCES = ("APIHandler", "APIHandlerInvokePermission")
_API_HANDLER_OUTPUTS = ("APIHandlerName", "APIHandlerArn")


class BudgetExceeded(Exception):
    """The package is larger than what AWS, or our own margin, allows."""


class SharedFunction(Exception):
    """Two API operations lead to one function, or an operation leads to none."""


@dataclass(frozen=True)
class Budgets:
    """The limits; AWS allows 500 resources, 1 MB, 300 path nodes and 250 MB."""

    resources: int = 450
    template_bytes: int = 900_000
    path_nodes: int = 280
    unzipped_bytes: int = 200_000_000


@dataclass(frozen=True)
class Size:
    """What was built, in the units of `Budgets`, with the number of functions and API operations."""

    functions: int
    operations: int
    resources: int
    template_bytes: int
    path_nodes: int
    unzipped_bytes: int


def code_archive(project: Path, destination: Path) -> None:
    """Write the functions' code; the same sources give the same bytes."""
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _shipped_files(project):
            entry = zipfile.ZipInfo(path.relative_to(project).as_posix(), _EPOCH)
            entry.external_attr = _READABLE
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def finalise_template(packaged: Template) -> Template:
    """`packaged` without the all-in-one handler and without what `Globals` already says.

    Raises:
        SharedFunction: an API operation does not have a function of its own.
    """
    template = copy.deepcopy(packaged)
    for name in _API_HANDLER_RESOURCES:
        template["Resources"].pop(name, None)
    for name in _API_HANDLER_OUTPUTS:
        template["Outputs"].pop(name, None)
    shared = template["Globals"]["Function"] | {"CodeUri": "./code.zip"}
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"] = _without_common(resource["Properties"], shared)
    template["Globals"]["Function"] = shared
    check_operations(template)
    return template


def check_operations(template: Template) -> None:
    """Hold one endpoint, one Lambda.

    Raises:
        SharedFunction: an API operation does not have a function of its own.
    """
    owners: dict[str, str] = {}
    for place, integration in _integrations(template):
        uri = json.dumps(integration["uri"])
        if "APIHandler" in uri:
            raise SharedFunction(f"{place} has no function of its own: it is in no registered Route")
        if uri in owners:
            raise SharedFunction(f"{place} and {owners[uri]} share one function")
        owners[uri] = place


def measure(template: Template, archives: tuple[Path, ...]) -> Size:
    """How large the package is after SAM has expanded it."""
    resources = template["Resources"].values()
    return Size(
        functions=sum(resource["Type"] == "AWS::Serverless::Function" for resource in resources),
        operations=sum(1 for _ in _integrations(template)),
        resources=len(expand(template)["Resources"]),
        template_bytes=len(_minified(template).encode()),
        path_nodes=_path_nodes(template),
        unzipped_bytes=sum(_unzipped_bytes(archive) for archive in archives),
    )


def check_budgets(size: Size, budgets: Budgets) -> None:
    """Hold `size` under `budgets`.

    Raises:
        BudgetExceeded: names the first budget that is overdrawn, with both figures.
    """
    for name in vars(budgets):
        actual, allowed = getattr(size, name), getattr(budgets, name)
        if actual > allowed:
            words = name.replace("_", " ")
            raise BudgetExceeded(
                f"The package has {actual:,} {words}; the budget is {allowed:,}. "
                "Move a context into a nested stack (docs/adr/0003-one-lambda-per-endpoint.md)."
            )


def expand(template: Template) -> Template:
    """The plain CloudFormation that SAM makes of `template`."""
    import boto3
    from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
    from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]

    local = copy.deepcopy(template)
    shared = local["Globals"]["Function"]
    shared["CodeUri"] = {"Bucket": "bucket", "Key": "code"}
    for resource in local["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = {"Bucket": "bucket", "Key": "layer"}
    values = dict.fromkeys(local.get("Parameters", {}), "value")
    # SAM wants a region for the ARNs of managed policies, of which our roles use none.
    translator = Translator(None, Parser(), boto_session=boto3.session.Session(region_name="us-east-1"))
    expanded: Template = translator.translate(local, parameter_values=values)
    return expanded


def write(template: Template, destination: Path) -> None:
    """Write the template, minified, as CloudFormation counts it."""
    destination.write_text(_minified(template))


def _without_common(properties: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in properties.items() if name not in shared}
    kept.pop("Tracing", None)
    kept.pop("Tags", None)
    return kept


def _integrations(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    api = template["Resources"].get("RestAPI")
    paths = api["Properties"]["DefinitionBody"]["paths"] if api else {}
    for path, operations in paths.items():
        for method, operation in operations.items():
            if method != "options":
                yield f"{method.upper()} {path}", operation["x-amazon-apigateway-integration"]


def _path_nodes(template: Template) -> int:
    """API Gateway counts every distinct prefix of a path as a resource of its own."""
    api = template["Resources"].get("RestAPI")
    paths = api["Properties"]["DefinitionBody"]["paths"] if api else {}
    nodes = set()
    for path in paths:
        parts = path.strip("/").split("/")
        nodes |= {tuple(parts[:length]) for length in range(1, len(parts) + 1)}
    return len(nodes)


def _unzipped_bytes(archive: Path) -> int:
    with zipfile.ZipFile(archive) as opened:
        return sum(entry.file_size for entry in opened.infolist())


def _shipped_files(project: Path) -> list[Path]:
    found = [path for folder in SHIPPED_FOLDERS for path in (project / folder).rglob("*") if path.is_file()]
    return sorted(path for path in found if "__pycache__" not in path.parts)


def _minified(template: Template) -> str:
    return json.dumps(template, separators=(",", ":"))


def main() -> None:
    """Finalise a build folder that holds Chalice's `sam.json` and our `layer.zip`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--project", type=Path, required=True)
    options = parser.parse_args()
    finalise(options.project, options.build)


def finalise(project: Path, build: Path) -> Size:
    """Write `code.zip` and `template.json` into `build`, from `build/chalice/sam.json` and `build/layer.zip`.

    Raises:
        BudgetExceeded, SharedFunction: the package must not be deployed.
    """
    packaged = json.loads((build / "chalice" / "sam.json").read_text())
    template = finalise_template(packaged)
    code_archive(project, build / "code.zip")
    size = measure(template, (build / "code.zip", build / "layer.zip"))
    check_budgets(size, Budgets())
    write(template, build / "template.json")
    return size


if __name__ == "__main__":
    main()
