"""The package is complete, small, reproducible, and quickly built again."""

import ast
import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.runtime.registry import Function, Queue, Task, load_all
from tests.template.declared import declared
from tests.template.projects import Packaged
from tools import finalise, overlay, package
from tools.package import ROOT
from tools.runtime import PYTHON, Platform
from tools.slim import AWS_SERVICES
from tools.template import functions, machines


def _base_python() -> str:
    """The interpreter from which the virtual environment was made; it lacks the environment's packages."""
    return str(getattr(sys, "_base_executable", sys.executable))


def test_every_handler_loads_from_the_package_alone(product: Packaged, tmp_path: Path) -> None:
    """A bare interpreter has only the code and the layer, as Lambda does."""
    for archive in ("code", "layer"):
        with zipfile.ZipFile(product.build / f"{archive}.zip") as opened:
            opened.extractall(tmp_path / archive)
    handlers = [(function["module"], function["name"]) for function in declared(product.project)]
    script = (
        "import importlib, json, sys\n"
        f"sys.path[:0] = [{str(tmp_path / 'code')!r}, {str(tmp_path / 'layer' / 'python')!r}]\n"
        "for module, name in json.loads(sys.argv[1]):\n"
        "    assert callable(getattr(importlib.import_module(module), name)), (module, name)\n"
        "assert 'chalice' not in sys.modules\n"
    )
    names = [name.upper() for name in overlay.ENVIRONMENT]
    environment = dict.fromkeys(names, "value") | {"PATH": os.environ["PATH"], "AWS_REGION": "eu-north-1"}
    command = [_base_python(), "-I", "-S", "-c", script, json.dumps(handlers)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_code_holds_what_functions_read_and_nothing_else(fixture: Packaged) -> None:
    """It has neither Chalice nor development tools."""
    with zipfile.ZipFile(fixture.build / "code.zip") as opened:
        names = opened.namelist()
    assert {name.split("/")[0] for name in names} <= set(finalise.SHIPPED_FOLDERS)
    assert "functions/foundation/samples/endpoints.py" in names


def test_the_code_holds_the_document_that_the_api_serves(product: Packaged) -> None:
    """Made anew of all endpoints, it would keep its first caller waiting for seconds."""
    with zipfile.ZipFile(product.build / "code.zip") as opened:
        assert {name: opened.read(name) for name in finalise.SHIPPED_FILES} == {
            name: (ROOT / name).read_bytes() for name in finalise.SHIPPED_FILES
        }


def test_the_code_is_compiled_to_byte_code_that_is_trusted(fixture: Packaged) -> None:
    """Lambda cannot write to the folder of the code, so that each cold start would compile what it imports."""
    with zipfile.ZipFile(fixture.build / "code.zip") as opened:
        names = set(opened.namelist())
        sources = {name for name in names if name.endswith(".py")}
        compiled = {importlib.util.cache_from_source(name) for name in sources}
        assert {name for name in names if name.endswith(".pyc")} == compiled
        flags = {opened.read(name)[4:8] for name in compiled}
    assert flags == {(0b01).to_bytes(4, "little")}  # PEP 552: by hash, and not checked


def test_the_same_sources_give_the_same_byte_code(fixture: Packaged, tmp_path: Path) -> None:
    """Or each package would be another."""
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        shutil.copytree(fixture.project / "chalicelib" / "http", folder)
        package._compile(folder, "/var/task", Platform.here())
    first, second = ({path.name: path.read_bytes() for path in folder.rglob("*.pyc")} for folder in folders)
    assert first == second != {}


def test_the_same_sources_give_the_same_archive(fixture: Packaged, tmp_path: Path) -> None:
    """It is equal byte for byte, whatever the files' times."""
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    finalise.code_archive(fixture.project, first)
    touched = fixture.project / "functions" / "foundation" / "samples" / "endpoints.py"
    os.utime(touched, (1, 1))
    finalise.code_archive(fixture.project, second)
    assert first.read_bytes() == second.read_bytes()


def test_an_edit_resolves_no_dependency(
    fixture: Packaged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layer of the same requirements is used again, without a request to a package index."""

    def refuse(*_: object) -> None:
        raise AssertionError("dependencies were resolved again")

    monkeypatch.setattr(package, "_install", refuse)
    size = package.package(fixture.project, tmp_path, Platform.here(), ROOT / "build" / "layers")
    assert size.functions == len(fixture.functions())


def test_a_stack_that_is_no_more_leaves_no_template(fixture: Packaged, tmp_path: Path) -> None:
    """Otherwise it would be deployed from an old build."""
    build = tmp_path / "build"
    shutil.copytree(fixture.build, build)
    (build / "hub.json").write_text("{}")
    finalise.finalise(fixture.project, build)
    assert not (build / "hub.json").exists()
    assert (build / "cloud.json").exists()


def test_other_requirements_make_another_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another processor and another Python make another layer too."""
    built: list[Platform] = []

    def install(_requirements: Path, platform: Platform, folder: Path) -> None:
        folder.mkdir(parents=True)
        built.append(platform)

    monkeypatch.setattr(package, "_install", install)
    arm, intel, older = Platform.of_lambda("arm64"), Platform.of_lambda("x86_64"), Platform("3.0", "arm64", None)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("six==1.17.0\n")
    first = package.layer(requirements, arm, tmp_path / "layers")
    assert package.layer(requirements, arm, tmp_path / "layers") == first
    others = [package.layer(requirements, platform, tmp_path / "layers") for platform in (intel, older)]
    requirements.write_text("six==1.16.0\n")
    last = package.layer(requirements, arm, tmp_path / "layers")
    assert len({first, *others, last}) == 4
    assert built == [arm, intel, older, arm]


def test_a_layer_is_installed_and_compiled_for_its_own_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layer for AWS does not depend on the Python that packages it; other byte code would not be used."""
    commands: list[list[str]] = []
    monkeypatch.setattr(package, "_call", lambda command, **_: commands.append(command))
    monkeypatch.setattr(Platform, "interpreter", lambda platform: f"the python{platform.python}")
    (tmp_path / "requirements.txt").write_text("six==1.17.0\n")
    monkeypatch.setattr(package, "_archive", lambda _folder, archive: archive.touch())
    package.layer(tmp_path / "requirements.txt", Platform.of_lambda("arm64"), tmp_path / "layers")
    install, compile_ = (" ".join(command) for command in commands)
    assert f"--python-version {PYTHON} --python-platform aarch64-manylinux_2_28" in install
    assert compile_.startswith(f"the python{PYTHON} -m compileall")


def test_without_the_python_of_aws_the_package_is_refused_and_says_how_to_get_it(tmp_path: Path) -> None:
    """A layer without byte code would be compiled at each cold start."""
    platform = replace(Platform.of_lambda("arm64"), python="3.99")
    with pytest.raises(package.PackagingFailed, match=r"Python 3\.99.*uv python install 3\.99"):
        package.layer(ROOT / "requirements.txt", platform, tmp_path / "layers")


def test_a_layer_that_several_want_at_once_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clouds that start at the same time wait for the first one to build it."""
    building, built = threading.Barrier(2), []

    def install(_requirements: Path, platform: Platform, folder: Path) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            building.wait(timeout=0.5)  # without the lock, a second process would build here
        folder.mkdir(parents=True)
        built.append(platform.architecture)

    monkeypatch.setattr(package, "_install", install)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("six==1.17.0\n")
    platform = Platform.of_lambda("arm64")
    with ThreadPoolExecutor(3) as pool:
        wanted = [pool.submit(package.layer, requirements, platform, tmp_path / "layers") for _ in range(3)]
    assert len({layer.result() for layer in wanted}) == 1
    assert built == ["arm64"]


def test_a_broken_project_is_refused_with_what_broke(fixture: Packaged, tmp_path: Path) -> None:
    """An import error in a function is reported when the project is packaged, not at the first call."""
    project = tmp_path / "project"
    package.stage(fixture.project, project)
    (project / "functions" / "broken.py").write_text("import nothing_of_that_name\n")
    build = tmp_path / "build"
    build.mkdir()
    with pytest.raises(package.PackagingFailed, match="nothing_of_that_name"):
        package.package(project, build, Platform.here(), ROOT / "build" / "layers")


def test_a_setting_without_a_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the function would fail at its first call."""
    monkeypatch.delitem(overlay.ENVIRONMENT, "public_url")
    with pytest.raises(overlay.OverlayError, match=r"Settings\.public_url"):
        overlay.environment()


def test_a_state_machine_that_calls_an_unknown_function_is_refused() -> None:
    """A definition must call registered functions."""
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "${NoSuch}", "End": true}}}'
    with pytest.raises(machines.UnknownFunction, match=r"x\.asl\.json calls NoSuch"):
        machines.by_area({"x": definition}, [])


def _function(name: str, module: str) -> Function:
    return Function(name, module, Task(), lambda _event, _context: None)


def test_a_state_machine_is_in_the_stack_of_its_functions() -> None:
    """It is refused if these are in two areas, or if it calls none."""
    registry = [_function("a_first", "functions.cloud.a.tasks"), _function("b_first", "functions.hub.b.tasks")]
    assert machines.by_area({"x": "${AFirst}", "y": "${BFirst}"}, registry) == {
        "cloud": {"x": "${AFirst}"},
        "hub": {"y": "${BFirst}"},
    }
    with pytest.raises(machines.NoArea, match=r"x\.asl\.json calls functions of \['cloud', 'hub'\]"):
        machines.by_area({"x": "${AFirst} ${BFirst}"}, registry)
    with pytest.raises(machines.NoArea, match="of no area"):
        machines.by_area({"x": "{}"}, registry)


def test_a_function_in_no_area_is_refused() -> None:
    """No stack would contain it."""
    with pytest.raises(overlay.OverlayError, match=r"functions\.elsewhere\.a\.tasks is in no area"):
        overlay.plan([_function("a_first", "functions.elsewhere.a.tasks")], {})


def test_an_unknown_queue_is_refused() -> None:
    """The core stack has the queues that can trigger functions."""
    function = Function("f", "functions.money.f", Queue("NoQueue"), lambda _event, _context: None)
    with pytest.raises(functions.UnknownQueue, match="f listens to NoQueue"):
        functions.permitted(function)


def test_long_lists_of_grants_give_short_and_distinct_names() -> None:
    """A logical id has at most 255 characters, and different sets have different names."""
    grants = {grant.name: grant for function in load_all() for grant in function.grants}
    (some, *_) = grants.values()
    many = [replace(some, name=f"{some.name}_{number}") for number in range(40)]
    names = {functions.role_suffix(many[:length]) for length in range(1, 41)}
    assert len(names) == 40
    assert max(len(name) for name in names) <= 80
    assert all(name.isalnum() for name in names)


def test_logical_ids_are_those_that_chalice_gives() -> None:
    """Chalice merges the overlay by logical id."""
    from chalice.utils import to_cfn_resource_name

    for function in load_all():
        assert to_cfn_resource_name(function.name) == function.logical_id
        assert isinstance(function.trigger, Task) or function.logical_id.isalnum()


def _clients_made() -> Iterator[tuple[Path, str]]:
    """Every `….client("<service>")` and `….resource("<service>")` in the packaged code."""
    for folder in ("chalicelib", "functions"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                    continue
                if node.func.attr in {"client", "resource"} and node.args:
                    (service, *_) = node.args
                    if isinstance(service, ast.Constant) and isinstance(service.value, str):
                        yield path, service.value


def test_no_adapter_uses_a_service_that_was_cut_out_of_the_layer() -> None:
    """The layer has only the botocore models of used services."""
    made = list(_clients_made())
    assert made
    assert not [(path, service) for path, service in made if service not in AWS_SERVICES]
