"""Rules that no linter has, for mistakes that would cost money, time or privacy."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.cloud.providers.errors import PROVIDER_ERRORS
from chalicelib.http import endpoint
from chalicelib.http.endpoint import PROVIDER_DEADLINE_SECONDS
from chalicelib.http.spec import EndpointSpec, operations
from chalicelib.kernel.errors import HearthError, error_classes
from chalicelib.runtime.grants import PROVIDER_ACCESS
from chalicelib.runtime.registry import load_all
from chalicelib.wiring.settings import Settings
from tests.support.modules import import_all
from tests.support.samples import schema_of

ROOT = Path(__file__).parents[2]
PRODUCT = sorted([*(ROOT / "chalicelib").rglob("*.py"), *(ROOT / "functions").rglob("*.py"), ROOT / "app.py"])
MONEY = (
    "kernel/money.py",
    *(f"domain/money/{context}/" for context in ("ledger", "metering", "billing", "credit_notes", "journals")),
    "domain/operations/proof/",
    *(f"adapters/dynamodb/money/{context}.py" for context in ("ledger", "metering", "billing")),
)
SPECS = operations(load_all())

_CLOCK_CALLS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}
_REGISTRY_HOSTS = re.compile(
    r"https?://[\w.-]*(?:artifactory|nexus|jfrog|pypi|npmjs|pythonhosted)[\w.-]*", re.IGNORECASE
)
_MACHINE_PATHS = re.compile(r"(?<![\w/.-])/(?:root|home|work|Users)/\w")
_SECRET_NAMES = re.compile(r"(?:^|_)(?:password|secret|token|private_key)(?:$|_)")


def parsed(paths: list[Path]) -> Iterator[tuple[str, ast.Module]]:
    for path in paths:
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def calls(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Each call in the code, such as `datetime.now` for `datetime.now(UTC)`, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            yield ast.unparse(node.func), node.lineno


def is_about_money(name: str) -> bool:
    return any(part in name for part in MONEY)


def test_time_comes_from_the_clock() -> None:
    found = [
        f"{name}:{line} {call}"
        for name, tree in parsed(PRODUCT)
        for call, line in calls(tree)
        if call.endswith(tuple(_CLOCK_CALLS)) and name != "chalicelib/kernel/clock.py"
    ]
    assert found == []


def test_money_is_never_a_float() -> None:
    """Modules of money have no float literal, no `float`, and no division that makes one; pauses may be floats."""
    found = []
    for path in (path for path in PRODUCT if is_about_money(path.relative_to(ROOT).as_posix())):
        lines = path.read_text().splitlines()
        nodes = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.expr))
        wrong = (node for node in nodes if makes_float(node) and "pause" not in lines[node.lineno - 1].lower())
        found += [f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}" for node in wrong]
    assert found == []


def makes_float(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=float()) | ast.Name(id="float"):
            return True
        case ast.BinOp(op=ast.Div()):
            return "Decimal(" not in ast.unparse(node)
    return False


def test_the_money_modules_are_there() -> None:
    """Otherwise the rule above could pass without checking a file."""
    for part in MONEY:
        assert any(part in path.as_posix() for path in PRODUCT), part


@pytest.mark.guarantee("G41")
def test_g41_only_the_door_says_what_a_request_reaches() -> None:
    """Services that take a `Reach` are only safe while no other code makes one."""
    makers = {name for name, tree in parsed(PRODUCT) for call, _ in calls(tree) if call.split(".")[-1] == "Reach"}
    assert makers == {"chalicelib/http/callers.py"}


def test_nobody_prints() -> None:
    assert [
        f"{name}:{line}" for name, tree in parsed(PRODUCT) for call, line in calls(tree) if call == "print"
    ] == []


def test_every_call_to_aws_has_bounds() -> None:
    """A client without time-outs waits for a minute, five times."""
    found = [
        f"{name}:{node.lineno}"
        for name, tree in parsed(PRODUCT)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "boto3.client"
        and "config" not in {keyword.arg for keyword in node.keywords}
    ]
    assert found == []


def test_http_is_spoken_through_one_client() -> None:
    """Every request then has limits, in new adapters too; SDKs have clients of their own."""
    clients = {"http.client", "httpx", "requests", "socket", "urllib.request", "urllib3"}
    found = [
        f"{name}:{node.lineno}"
        for name, tree in parsed(PRODUCT)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and clients & imported(node)
        and name != "chalicelib/adapters/shared/http.py"
    ]
    assert found == []


def test_dataclasses_are_cheap_to_import() -> None:
    """The standard decorator costs each cold start a millisecond for each class; only `slots` needs it."""
    found = [
        f"{name}:{node.lineno} take dataclass from chalicelib.kernel.dataclasses"
        for name, tree in parsed(PRODUCT)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and "dataclasses.dataclass" in imported(node)
        and name != "chalicelib/kernel/dataclasses.py"
        and "slots=True" not in ast.unparse(tree)
    ]
    assert found == []


def imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    """The modules that a statement imports, with their packages."""
    names = [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{name}" for name in names]
    return {".".join(name.split(".")[:length]) for name in names for length in range(1, name.count(".") + 2)}


import_all("chalicelib.domain")
ERRORS = error_classes()


def test_error_codes_are_unique_and_speak() -> None:
    codes = [error.code for error in ERRORS]
    assert len(codes) == len(set(codes))
    for error in ERRORS:
        assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", error.code)
        assert 400 <= error.status < 600
        assert error.sentence.endswith(".")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_every_error_stands_beside_what_raises_it(error: type[HearthError]) -> None:
    assert error.__module__.endswith(".errors"), "errors are in the `errors.py` of a context"
    family = {error.__name__, *(below.__name__ for below in error.__subclasses__() if "code" not in vars(below))}
    assert family & raised_names(), f"nothing raises {error.code}: raise it, or remove it"


@cache
def raised_names() -> frozenset[str]:
    """The names that functions use, except imports, declarations, caught errors and types."""
    functions = (
        node for _, tree in parsed(PRODUCT) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
    )
    return frozenset(name for function in functions for part in function.body for name in _used(part))


def _used(statement: ast.AST) -> Iterator[str]:
    hidden = {id(handler.type) for handler in ast.walk(statement) if isinstance(handler, ast.ExceptHandler)}
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and id(node) not in hidden:
            yield node.id


def test_the_kernel_names_no_vendor() -> None:
    vendors = re.compile(r"openstack|nova|stripe|paypal|btcpay|oxapay|linode|digitalocean|netcup", re.IGNORECASE)
    kernel = [path for path in PRODUCT if "chalicelib/kernel/" in path.as_posix()]
    assert len(kernel) > 5
    assert [f"{path.name}: {match[0]}" for path in kernel for match in vendors.finditer(path.read_text())] == []


def test_who_may_reach_providers_is_declared_to_ask_them() -> None:
    """The deadline and the documented errors follow from the declaration, and grants need it."""
    for function in load_all():
        if isinstance(function.documentation, EndpointSpec):
            assert (PROVIDER_ACCESS in function.grants) == function.documentation.asks_provider, function.name
        if isinstance(function.documentation, EndpointSpec) and function.documentation.asks_provider:
            assert set(PROVIDER_ERRORS) <= set(function.documentation.refusals), function.name
            assert function.timeout_seconds >= PROVIDER_DEADLINE_SECONDS, function.name


def test_providers_are_not_granted_by_hand() -> None:
    with pytest.raises(ValueError, match="asks_provider"):
        endpoint("GET", "/machines", grants=(PROVIDER_ACCESS,))


ABOUT_ONESELF = (
    "/account/",
    "/auth/",
    "/me",
    "/security/",
    "/sessions",
    "/users/profile",
    "/v1/auth/",
    "/v1/profile",
)
OF_PERSONS = {"list_customers", "create_customer", "list_roles", "accept_ownership"}
"""Actions of signed-in users that do not depend on the customer."""


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
class TestEndpoints:
    def test_it_answers_with_a_model_of_its_own_or_a_document(self, spec: EndpointSpec) -> None:
        assert isinstance(spec.data_type, type), f"{spec.name} answers {spec.data_type}"
        assert spec.data_type.__module__.startswith(("functions.", "chalicelib.http.")), spec.data_type

    def test_it_needs_a_scope_or_is_about_oneself(self, spec: EndpointSpec) -> None:
        is_about_oneself = spec.path.startswith(ABOUT_ONESELF) or spec.name in OF_PERSONS
        assert spec.public or spec.scope or is_about_oneself
        assert spec.path.startswith("/v1/admin/") == bool(spec.scope and spec.scope.startswith("staff."))

    @pytest.mark.guarantee("G44")
    def test_g44_what_is_kept_for_replays_holds_no_secret(self, spec: EndpointSpec) -> None:
        """Answers are stored unchanged for 24 hours; of bodies, only the hash is stored."""
        if not spec.idempotent:
            return
        assert not spec.public, "a key belongs to a user"
        names = [*spec.data_type.model_fields, *(spec.body_model.model_fields if spec.body_model else ())]
        assert [name for name in names if _SECRET_NAMES.search(name)] == []

    @pytest.mark.guarantee("G46")
    def test_g46_what_it_takes_in_secret_is_not_shown(self, spec: EndpointSpec) -> None:
        for model in filter(None, (spec.body_model, spec.query_model)):
            shown = [
                name for name, field in model.model_fields.items() if _SECRET_NAMES.search(name) and field.repr
            ]
            assert shown == [], f"{model.__name__}: declare these with repr=False"

    @pytest.mark.guarantee("G47")
    def test_g47_every_text_and_number_that_it_takes_has_a_bound(self, spec: EndpointSpec) -> None:
        for model in filter(None, (spec.body_model, spec.query_model, spec.path_model)):
            assert list(unbounded(schema_of(model))) == [], model.__name__

    @pytest.mark.guarantee("G47")
    def test_g47_its_patterns_name_their_characters(self, spec: EndpointSpec) -> None:
        """Pydantic's `\\d` and `\\w` take the digits and letters of every script."""
        models = filter(None, (spec.body_model, spec.query_model, spec.path_model))
        patterns = [found for model in models for found in patterns_in(schema_of(model))]
        assert [pattern for pattern in patterns if re.search(r"\\[dws]", pattern)] == []


def patterns_in(schema: Any) -> Iterator[str]:
    """Every `pattern` of `schema`, however deep."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from patterns_in(part)


def unbounded(schema: Any, path: str = "") -> Iterator[str]:
    """The fields without a limit; the format limits a `date-time`."""
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from unbounded(part, path)
    for name, part in schema.get("properties", {}).items():
        yield from unbounded(part, f"{path}.{name}")
    is_closed = {"enum", "const", "format"} & schema.keys()
    match schema.get("type"):
        case "string" if not is_closed and "maxLength" not in schema and not has_bounded_pattern(schema):
            yield path
        case "integer" | "number" if not is_closed and not {"maximum", "exclusiveMaximum"} & schema.keys():
            yield path
        case "array" if "maxItems" not in schema:
            yield path
        case "object" if schema.get("additionalProperties") is not False:
            yield path


def has_bounded_pattern(schema: Any) -> bool:
    """Whether its pattern is anchored and has no unlimited repetition."""
    found = schema.get("pattern", "")
    return found.startswith("^") and found.endswith("$") and not re.search(r"(?<!\\)[*+]|,\}", found)


MOST_LINES = 400
MOST_COLLABORATORS = 8
LIBRARY = [path for path in PRODUCT if path.is_relative_to(ROOT / "chalicelib")]
PORTS_OF_ADAPTERS = {
    "chalicelib/adapters/passwords/breaches.py": {"Breaches"},
    "chalicelib/adapters/tokens/signing.py": {"SigningKeys"},
}
"""Protocols between parts of one adapter, which no context uses."""


def test_a_file_can_be_held_in_mind() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in LIBRARY}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def collaborators(made: ast.ClassDef) -> int:
    """The number of parameters of a class's constructor."""
    found = (part for part in made.body if isinstance(part, ast.FunctionDef) and part.name == "__init__")
    counts = (len(init.args.posonlyargs) + len(init.args.args) + len(init.args.kwonlyargs) - 1 for init in found)
    return max(counts, default=0)


def test_no_constructor_takes_more_than_eight_collaborators() -> None:
    found = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in parsed(LIBRARY)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and collaborators(node) > MOST_COLLABORATORS
    ]
    assert found == []


def protocols() -> Iterator[tuple[str, ast.ClassDef]]:
    """Each public protocol with its file. Private protocols describe function arguments within one module."""
    for name, tree in parsed(LIBRARY):
        for node in ast.walk(tree):
            bases = [ast.unparse(base) for base in getattr(node, "bases", ())]
            if isinstance(node, ast.ClassDef) and "Protocol" in bases and not node.name.startswith("_"):
                yield name, node


def test_protocols_stand_in_ports() -> None:
    """The kernel has no contexts; its protocols are in the modules that they belong to."""
    found = [
        f"{name} {node.name}"
        for name, node in protocols()
        if not name.endswith("/ports.py")
        and not name.startswith("chalicelib/kernel/")
        and node.name not in PORTS_OF_ADAPTERS.get(name, ())
    ]
    assert found == []


def test_no_protocol_is_declared_twice() -> None:
    """This includes protocols with two names and the same methods."""
    names: dict[str, list[str]] = {}
    promises: dict[tuple[str, ...], list[str]] = {}
    for name, node in protocols():
        bases = sorted(ast.unparse(base) for base in node.bases)
        methods = sorted(
            f"{part.name}({ast.unparse(part.args)}) -> {ast.unparse(part.returns) if part.returns else None}"
            for part in node.body
            if isinstance(part, ast.FunctionDef)
        )
        names.setdefault(node.name, []).append(name)
        promises.setdefault((*bases, *methods), []).append(f"{name} {node.name}")
    assert len(names) > 100
    assert [found for found in (*names.values(), *promises.values()) if len(found) > 1] == []


def test_no_public_name_goes_undocumented() -> None:
    missing = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in parsed(PRODUCT)
        for node in _public_definitions(tree)
        if not ast.get_docstring(node) and not _is_error(node)
    ]
    assert missing == []


def _public_definitions(tree: ast.Module) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """Public classes and functions, with the methods of these classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node
            methods = (part for part in node.body if isinstance(part, ast.FunctionDef))
            yield from (method for method in methods if not method.name.startswith("_"))


def _is_error(node: ast.AST) -> bool:
    """Whether a class is an error, whose sentence is its documentation."""
    names = {target.id for part in getattr(node, "body", ()) for target in _targets(part)}
    return "sentence" in names


def _targets(statement: ast.stmt) -> Iterator[ast.Name]:
    if isinstance(statement, ast.Assign):
        yield from (target for target in statement.targets if isinstance(target, ast.Name))


def test_every_setting_is_documented_or_speaks_for_itself() -> None:
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in Settings.__dataclass_fields__)


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """The text files that are committed, or will be with the next commit."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_nothing_committed_knows_one_machine_or_one_registry(tracked: list[Path]) -> None:
    found = []
    for path in tracked:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        if path == Path(__file__):
            continue
        for pattern in (_REGISTRY_HOSTS, _MACHINE_PATHS):
            found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in pattern.finditer(text)]
    assert found == []
