"""`python -m tools.aws_models [--check]`: cut botocore's models down to the operations that functions are granted.

The cut models keep these operations, the shapes that they need, and the data that botocore reads when it makes a
client, without documentation. The roles of the functions allow no other operations.
"""

import argparse
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

from chalicelib.adapters.shared.aws import MODELS
from chalicelib.runtime import grants

Model = dict[str, Any]

_BESIDES: Mapping[str, frozenset[str]] = {
    "dynamodb": frozenset({"TransactWriteItems"}),
    "sqs": frozenset({"SendMessageBatch"}),
    "s3": frozenset(
        {
            "HeadObject",
            "CreateMultipartUpload",
            "UploadPart",
            "CompleteMultipartUpload",
            "HeadBucket",  # botocore calls it to find the bucket's region
        }
    ),
}
"""Operations that IAM permits by an action with another name."""

SERVICES = ("dynamodb", "kms", "s3", "secretsmanager", "sqs")
_COMMON = ("_retry", "partitions", "sdk-default-configuration")


def operations(service: str) -> frozenset[str]:
    """The operations of `service` that at least one function is granted."""
    prefix = f"{service}:"
    granted = {
        action.removeprefix(prefix)
        for grant in vars(grants).values()
        if isinstance(grant, grants.Grant)
        for action in grant.actions
        if action.startswith(prefix)
    }
    return frozenset(granted | _BESIDES.get(service, frozenset()))


def cut_files() -> Iterator[tuple[str, str]]:
    """Yield the path below `MODELS` and the text of every file of the cut models."""
    loader = Loader()
    for service in SERVICES:
        version = loader.determine_latest_version(service, "service-2")
        model = loader.load_service_model(service, "service-2", version)
        yield f"{service}/{version}/service-2.json", _text(cut(model, operations(service)))
        rules = loader.load_service_model(service, "endpoint-rule-set-1", version)
        yield f"{service}/{version}/endpoint-rule-set-1.json", _text(_undocumented(rules))
    for name in _COMMON:
        yield f"{name}.json", _text(loader.load_data(name))
    yield "endpoints.json", _text(_endpoints(loader.load_data("endpoints")))


def cut(model: Model, wanted: frozenset[str]) -> Model:
    """`model` reduced to the operations `wanted` and the shapes that they need."""
    kept = {name: operation for name, operation in model["operations"].items() if name in wanted}
    needed: set[str] = set()
    for operation in kept.values():
        for part in (operation.get("input"), operation.get("output"), *operation.get("errors", ())):
            if part:
                _collect(model["shapes"], part["shape"], needed)
    shapes = {name: shape for name, shape in model["shapes"].items() if name in needed}
    cut_model: Model = _undocumented({**model, "operations": kept, "shapes": shapes})
    for parameter in cut_model.get("clientContextParams", {}).values():
        parameter["documentation"] = ""  # botocore reads it
    return cut_model


def _collect(shapes: Model, name: str, needed: set[str]) -> None:
    """Add the shape `name`, and every shape that it refers to, to `needed`."""
    if name in needed:
        return
    needed.add(name)
    shape = shapes[name]
    parts = [
        *shape.get("members", {}).values(),
        *(shape[part] for part in ("member", "key", "value") if part in shape),
    ]
    for part in parts:
        _collect(shapes, part["shape"], needed)


def _undocumented(part: Any) -> Any:
    """`part` without its documentation texts; a shape's member named `documentation` stays."""
    if isinstance(part, dict):
        return {
            name: _undocumented(inner)
            for name, inner in part.items()
            if not (name == "documentation" and isinstance(inner, str))
        }
    return [_undocumented(inner) for inner in part] if isinstance(part, list) else part


def _endpoints(data: Model) -> Model:
    """`data` with all partitions and regions, but only the services in `SERVICES`."""
    partitions = [
        {**partition, "services": {name: one for name, one in partition["services"].items() if name in SERVICES}}
        for partition in data["partitions"]
    ]
    return {**data, "partitions": partitions}


def _text(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"), sort_keys=False) + "\n"


def stale_files() -> list[str]:
    """The files that differ from those that the installed botocore gives."""
    wanted = dict(cut_files())
    found = {path.relative_to(MODELS).as_posix(): path.read_text() for path in MODELS.rglob("*.json")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def write(folder: Path) -> None:
    """Replace the content of `folder` by the cut models."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in cut_files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def main() -> None:
    """Write the cut models, or check that they match the installed botocore."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        write(MODELS)
    elif stale := stale_files():
        raise SystemExit(f"{MODELS.name} is not what botocore gives: {', '.join(stale)}. Run: make format")


if __name__ == "__main__":
    main()
