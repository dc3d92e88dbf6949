"""The skeleton that `tools/new_endpoint.py` writes is complete and follows the house rules."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http.spec import EndpointSpec
from chalicelib.runtime import registry
from tools.new_endpoint import Plan, PlanError, write


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
    create = Plan("POST", "/gadgets", "create_gadget", "cloud", Scope.DEPLOYMENTS_WRITE)
    end = Plan("DELETE", "/gadgets/{sshKeyId}", "delete_gadget", "cloud")
    for plan in (create, end):
        paths = write(plan, tmp_path)
    lint = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E,F,N,UP,B", "--line-length", "115"]
    subprocess.run([*lint, *map(str, paths)], check=True)
    function, schema, test = paths
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


def test_an_id_of_an_unknown_kind_and_a_name_without_a_verb_are_refused() -> None:
    with pytest.raises(PlanError, match="GADGET"):
        Plan("GET", "/gadgets/{gadgetId}", "get_gadget", "cloud")
    with pytest.raises(PlanError, match="no area"):
        Plan("GET", "/gadgets", "list_gadgets", "garage")
    with pytest.raises(PlanError, match="name it"):
        Plan("GET", "/gadgets", "gadgets", "cloud")
