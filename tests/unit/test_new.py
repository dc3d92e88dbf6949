"""The skeletons that `tools/new/` writes: whole, to the house's rules, and never over anything."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http.spec import EndpointSpec
from chalicelib.runtime import registry
from tools.new.consumer import NewConsumer
from tools.new.context import NewContext
from tools.new.endpoint import NewEndpoint
from tools.new.gateway import NewGateway
from tools.new.provider import NewProvider
from tools.new.writing import ROOT, Plan, PlanError, write

PLANS: dict[str, Plan] = {
    "endpoint": NewEndpoint("POST", "/gadgets", "create_gadget", "cloud", Scope.DEPLOYMENTS_WRITE),
    "endpoint with an id": NewEndpoint(
        "DELETE", "/gadgets/{sshKeyId}", "delete_gadget", "cloud", Scope.DEPLOYMENTS_WRITE
    ),
    "context": NewContext("gadgets", "cloud"),
    "context of two words": NewContext("gift_policies", "money"),
    "consumer": NewConsumer("GADGET", "INSERT", "build_gadget", "cloud", "gadgets"),
    "consumer beside others": NewConsumer("GADGET", "REMOVE", "forget_gadget", "cloud", "deployments"),
    "provider": NewProvider("acme_cloud"),
    "gateway": NewGateway("acme_pay"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, with one of everything."""
    root = tmp_path_factory.mktemp("tree")
    for name in ("benchmarks", "chalicelib", "dev", "functions", "infra", "tests", "tools"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("app.py", "pyproject.toml", ".importlinter"):
        shutil.copy(ROOT / name, root / name)
    for plan in PLANS.values():
        write(plan, root)
    return root


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def texts(root: Path) -> dict[Path, str]:
    return {path: path.read_text() for path in root.rglob("*.py")}


def test_lint_has_nothing_against_them(tree: Path) -> None:
    for command in (["check"], ["format", "--check"]):
        done = run(tree, sys.executable, "-m", "ruff", *command, "chalicelib", "functions", "tests")
        assert done.returncode == 0, done.stdout


def test_they_keep_the_import_contracts(tree: Path) -> None:
    done = run(tree, str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert done.returncode == 0, done.stdout


def test_they_keep_the_rules_of_the_house(tree: Path) -> None:
    """All but the rule that needs git; of endpoints, only the new ones are tried."""
    done = run(
        tree, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0",
        "tests/unit/test_house_rules.py", "-k", "gadget or not (committed or TestEndpoints)",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_what_is_meaningful_already_passes(tree: Path) -> None:
    """A new context stores and reads; a new adapter reads its configuration."""
    done = run(
        tree, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0",
        "tests/integration/cloud/test_gadgets.py", "-k", "customers_alone or part_is_read or names_the_field",
        "tests/unit/cloud/test_acme_cloud_config.py", "tests/unit/money/test_acme_pay_config.py",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_second_run_refuses_and_changes_nothing(tree: Path, plan: Plan) -> None:
    before = texts(tree)
    with pytest.raises(PlanError, match="nothing was written"):
        write(plan, tree)
    assert texts(tree) == before


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: NewEndpoint("GET", "/gadgets/{gadgetId}", "get_gadget", "cloud"), "add GADGET to Kind"),
        (lambda: NewEndpoint("GET", "/gadgets", "list_gadgets", "garage"), "garage is no area; these are: cloud"),
        (lambda: NewEndpoint("GET", "/gadgets", "gadgets", "cloud"), "name it after what it does"),
        (lambda: NewEndpoint("GET", "/", "list_gadgets", "cloud"), "begin it with the resource"),
        (lambda: NewContext("Gadgets", "cloud"), "use small letters"),
        (lambda: NewContext("gadget", "cloud"), "in the plural, such as volumes"),
        (lambda: NewConsumer("gadget", "INSERT", "build_gadget", "cloud", "gadgets"), "such as OPERATION"),
        (lambda: NewConsumer("GADGET", "INSERT", "build", "cloud", "gadgets"), "name it after what it does"),
        (lambda: NewConsumer("GADGET", "CHANGE", "build_gadget", "cloud", "gadgets"), "INSERT, MODIFY, REMOVE"),
        (lambda: NewProvider("acme-cloud"), "single underscores, such as linode"),
        (lambda: NewGateway("../acme"), "single underscores, such as adyen"),
    ],
)
def test_a_bad_name_is_refused_with_a_sentence_that_helps(make: Callable[[], Plan], sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        make()


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry for this test only."""
    monkeypatch.setattr(registry, "_functions", {})
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def loaded(path: Path, name: str) -> None:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


@pytest.mark.usefixtures("own_registry")
def test_the_skeleton_is_an_endpoint_that_lint_has_nothing_against(tmp_path: Path) -> None:
    create = NewEndpoint("POST", "/gadgets", "create_gadget", "cloud", Scope.DEPLOYMENTS_WRITE)
    end = NewEndpoint("DELETE", "/gadgets/{sshKeyId}", "delete_gadget", "cloud")
    for plan in (create, end):
        paths = write(plan, tmp_path)
    lint = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E,F,N,UP,B", "--line-length", "115"]
    subprocess.run([*lint, *map(str, paths)], check=True)
    function, schema, test = (path for path in paths if path.name != "__init__.py")
    loaded(schema, "functions.cloud.gadgets.schemas")
    loaded(function, "functions.cloud.gadgets.endpoints")
    found = {known.name: known.documentation for known in registry._functions.values()}
    assert found.keys() == {"create_gadget", "delete_gadget"}
    made, ended = found["create_gadget"], found["delete_gadget"]
    assert isinstance(made, EndpointSpec)
    assert (made.status, made.scope, made.body_model is not None) == (201, Scope.DEPLOYMENTS_WRITE, True)
    assert isinstance(ended, EndpointSpec)
    assert list(ended.path_model.model_fields) == ["ssh_key_id"]
    assert test.read_text().count("def test_") == 2
