"""Makes valid requests to an endpoint from its declaration."""

from collections.abc import Mapping
from typing import Any

from chalicelib.http.spec import EndpointSpec
from chalicelib.kernel.ids import Kind
from tests.support.samples import KIND_BY_PATTERN, sample, schema_of

Json = Any


def parts_of_path(spec: EndpointSpec) -> Mapping[str, Json]:
    """The schema of each value in the path, by its name."""
    properties: Mapping[str, Json] = spec.path_model.model_json_schema().get("properties", {})
    return properties


def kinds_in_path(spec: EndpointSpec) -> dict[str, Kind]:
    """The kind of each id in the path, by its name."""
    patterns = {name: part.get("pattern", "") for name, part in parts_of_path(spec).items()}
    return {name: KIND_BY_PATTERN[pattern] for name, pattern in patterns.items() if pattern in KIND_BY_PATTERN}


def path_of(spec: EndpointSpec, ids: Mapping[Kind, str]) -> str:
    """The endpoint's path with these ids; other values are the model's examples."""
    kinds, path = kinds_in_path(spec), spec.path
    for name, part in parts_of_path(spec).items():
        path = path.replace(f"{{{name}}}", ids[kinds[name]] if name in kinds else part["examples"][0])
    return path


def body_of(spec: EndpointSpec, ids: Mapping[Kind, str]) -> Json:
    """A valid body; None if the endpoint takes none."""
    return sample(schema_of(spec.body_model), ids.__getitem__) if spec.body_model else None


def query_of(spec: EndpointSpec) -> dict[str, str]:
    """The required parameters of the query, such as the reason for a removal by staff."""
    schema = schema_of(spec.query_model) if spec.query_model else {}
    return {name: str(sample(schema["properties"][name], str)) for name in schema.get("required", ())}
