"""The OpenAPI document is valid and complete, and is the committed one."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import Field

from chalicelib.domain.cloud.providers.errors import CapacityUnavailable
from chalicelib.http.callers import Caller
from chalicelib.http.models import ApiModel, Listing, PageQuery
from chalicelib.http.openapi import document
from chalicelib.http.spec import EndpointSpec
from chalicelib.kernel.errors import error_classes
from chalicelib.runtime.registry import Function, Route, load_all
from functions.foundation.docs import endpoints
from tests.support.doors import specification
from tests.support.modules import import_all
from tools.openapi import PATH, generated

API_NAMES = PATH.with_name("api-names.md")


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return document(load_all())


def test_the_committed_document_is_what_the_endpoints_declare() -> None:
    assert PATH.read_text() == generated(), "run `python -m tools.openapi`"


def test_the_document_is_valid_openapi(whole: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(whole).validate()


def test_every_route_is_in_the_document(whole: dict[str, Any]) -> None:
    documented = {(method.upper(), path) for path, operations in whole["paths"].items() for method in operations}
    routes = [function.trigger for function in load_all() if isinstance(function.trigger, Route)]
    assert documented == {place for route in routes for place in route.places}


def test_no_two_operations_share_an_id(whole: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operations in whole["paths"].values() for operation in operations.values()]
    assert len(ids) == len(set(ids))


def test_the_page_of_alternative_paths_lists_every_alias() -> None:
    rows = re.findall(r"\| `(\w+ /\S+)` \| `(\w+ /\S+)` \|$", API_NAMES.read_text(), re.MULTILINE)
    routes = [function.trigger for function in load_all() if isinstance(function.trigger, Route)]
    aliases = {(f"{r.method} {r.path}", " ".join(alias)) for r in routes for alias in r.aliases}
    assert sorted(rows) == sorted(aliases)


def test_an_alias_is_the_same_operation_under_a_name_of_its_own(whole: dict[str, Any]) -> None:
    login, alias = (whole["paths"][path]["post"] for path in ("/auth/login", "/auth/callback/credentials"))
    assert (login["operationId"], alias["operationId"]) == ("login", "login_at_auth_callback_credentials")
    assert login["description"].endswith("The same as `POST /auth/callback/credentials`.")
    assert alias["description"].endswith("The same as `POST /auth/login`.")
    for part in ("requestBody", "responses", "security", "parameters", "summary"):
        assert login[part] == alias[part]


def test_every_operation_has_a_description_and_its_errors(whole: dict[str, Any]) -> None:
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            statuses = set(operation["responses"])
            assert operation["summary"], (method, path)
            assert {"400", "413", "500", "503"} <= statuses, (method, path)
            assert "401" in statuses or not operation["security"], (method, path)
            assert ("404" in statuses) or "{" not in path, (method, path)


def test_every_error_code_is_in_one_list(whole: dict[str, Any]) -> None:
    codes = whole["components"]["schemas"]["ErrorCode"]["enum"]
    import_all("chalicelib.domain")
    assert codes == [error.code for error in error_classes()], "an error is declared that no endpoint answers"
    assert len(codes) == len(set(codes))


def test_no_two_models_share_a_name(whole: dict[str, Any]) -> None:
    """Pydantic would add the modules' names to such models, and clients would see them."""
    assert [name for name in whole["components"]["schemas"] if "__" in name] == []


class Size(ApiModel):
    """The size of a thing."""

    size_gb: int = Field(ge=1)


class Thing(ApiModel):
    """The response."""

    size: Size


def _operation(spec: EndpointSpec) -> Any:
    function = Function(spec.name, __name__, Route(spec.method, spec.path), lambda e, c: None, documentation=spec)
    found = document([function])
    OpenAPIV31SpecValidator(found).validate()
    operation = json.loads(json.dumps(found["paths"][spec.path][spec.method.lower()]))
    responses = operation["responses"]
    for status, response in responses.items():
        name = response.get("$ref", "").rpartition("/")[2]
        responses[status] = found["components"]["responses"][name] if name else response
    return operation


def test_a_create_is_documented_with_its_body_its_key_and_its_errors() -> None:
    def create_thing(request: Size, caller: Caller) -> Thing:
        """Create a thing.

        It takes a while.
        """
        return Thing(size=request)

    operation = _operation(specification(create_thing, status=202, idempotent=True, errors=(CapacityUnavailable,)))
    assert (operation["operationId"], operation["summary"]) == ("create_thing", "Create a thing")
    assert operation["requestBody"]["required"] is True
    references = {parameter.get("$ref", "").rpartition("/")[2] for parameter in operation["parameters"]}
    assert references == {"IdempotencyKey", "CsrfToken", "CustomerId"}
    conflict = operation["responses"]["409"]
    narrowed = conflict["content"]["application/json"]["schema"]["allOf"][1]
    codes = narrowed["properties"]["error"]["properties"]["code"]["enum"]
    assert codes == ["CAPACITY_UNAVAILABLE", "IDEMPOTENCY_IN_PROGRESS"]
    assert "Retry-After" in conflict["headers"]
    assert operation["responses"].keys() >= {"202", "401", "422", "429"}


def test_a_list_is_documented_with_its_cursor() -> None:
    def list_things(query: PageQuery, caller: Caller) -> Listing[Thing]:
        """List things."""
        return Listing([])

    operation = _operation(specification(list_things, method="GET"))
    limit, cursor, _ = operation["parameters"]
    assert (limit["name"], limit["in"], limit["required"], limit["schema"]["maximum"]) == (
        "limit",
        "query",
        False,
        100,
    )
    assert cursor["name"] == "cursor"
    envelope = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert envelope["properties"]["data"]["type"] == "array"
    assert envelope["properties"]["meta"]["required"] == ["nextCursor"]


def test_the_document_is_the_packaged_one_or_made_of_the_endpoints(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A copy of the project without documents has the same."""
    texts = []
    for packaged in (endpoints._PACKAGED, tmp_path / "missing.json"):
        monkeypatch.setattr(endpoints, "_PACKAGED", packaged)
        endpoints._text.cache_clear()
        texts.append(endpoints._text())
    endpoints._text.cache_clear()
    assert json.loads(texts[0]) == json.loads(texts[1])
