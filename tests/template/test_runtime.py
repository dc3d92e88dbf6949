"""The Lambda runtime is chosen in one place, AWS supports it, and every function uses it."""

import json
import sys
from datetime import date
from importlib.resources import files
from typing import Any

import pytest

from tests.template.projects import Packaged
from tools import runtime
from tools.runtime import Platform

TWO_YEARS_FROM_THE_CHOICE = date(2028, 11, 30)


def _life_of_runtimes() -> dict[str, Any]:
    """AWS's dates, from cfn-lint."""
    listed = files("cfnlint").joinpath("data/AdditionalSpecs/LmbdRuntimeLifecycle.json")
    life: dict[str, Any] = json.loads(listed.read_text())
    return life


def test_aws_supports_the_runtime_for_two_years_and_as_long_as_we_say() -> None:
    """If AWS changes the date, a new cfn-lint has it."""
    ends = date.fromisoformat(_life_of_runtimes()[runtime.NAME]["deprecated"])
    assert ends == runtime.SUPPORTED_UNTIL
    assert ends >= TWO_YEARS_FROM_THE_CHOICE


def test_every_function_and_layer_names_that_runtime_whatever_python_packages_it(packaged: Packaged) -> None:
    """Chalice writes the runtime of the interpreter that runs it."""
    assert {function["Runtime"] for function in packaged.functions().values()} == {runtime.NAME}
    (layer,) = packaged.of_type("AWS::Lambda::LayerVersion").values()
    assert layer["CompatibleRuntimes"] == [runtime.NAME]
    others = {name for name in _life_of_runtimes() if name != runtime.NAME}
    assert not [name for name in others if f'"{name}"' in json.dumps(packaged.templates)]


@pytest.mark.parametrize(
    ("system", "machine", "architecture", "wheels"),
    [
        ("linux", "x86_64", "x86_64", "x86_64-manylinux_2_28"),
        ("linux", "aarch64", "arm64", "aarch64-manylinux_2_28"),
        ("darwin", "arm64", "arm64", None),
        ("darwin", "x86_64", "x86_64", None),
    ],
)
def test_the_local_clouds_layer_fits_the_machine_and_its_python(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, architecture: str, wheels: str | None
) -> None:
    """Wheels for Linux do not run on macOS, where uv selects wheels for the interpreter."""
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    here = Platform.here()
    assert here == Platform(f"{sys.version_info[0]}.{sys.version_info[1]}", architecture, wheels)
    assert here.interpreter() == sys.executable
