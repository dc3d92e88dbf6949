"""`make doctor` says what a machine lacks, how to get it, and whether it matters."""

import ast
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tools import doctor
from tools.doctor import Finding, Machine

ROOT = Path(__file__).parents[3]
FOUND_PYTHON = ("sh", "tools/find-python.sh")
FOUND_PACKAGER = (*FOUND_PYTHON, "--only", "3.13")


@dataclass
class Bench(Machine):
    """A machine that a test describes; by default it has everything."""

    system: str = "Linux"
    processor: str = "x86_64"
    commands: set[str] = field(default_factory=lambda: {"npm", "apt-get", "docker"})
    answers: dict[tuple[str, ...], str] = field(
        default_factory=lambda: {
            FOUND_PYTHON: "/usr/bin/python3.12",
            FOUND_PACKAGER: "/usr/bin/python3.13",
            ("node", "--version"): "v20.20.2",
            ("npm", "--version"): "11.19.1",
            ("make", "--version"): "GNU Make 3.81\nCopyright (C) 2006",
        }
    )
    files: set[str] = field(default_factory=lambda: set(doctor._OPENSTACK_PROGRAMS))
    disk: float = 100
    memory: float = 16
    taken: set[int] = field(default_factory=set)

    def which(self, command: str) -> str | None:
        return f"/usr/bin/{command}" if command in self.commands else None

    def exists(self, path: str) -> bool:
        return path in self.files

    def says(self, *command: str) -> str | None:
        return self.answers.get(command)

    def free_disk_gb(self) -> float:
        return self.disk

    def memory_gb(self) -> float:
        return self.memory

    def is_free(self, port: int) -> bool:
        return port not in self.taken


def findings(machine: Machine) -> dict[str, Finding]:
    return {finding.thing: finding for finding in doctor.examine(machine)}


def lacks(machine: Machine) -> list[str]:
    return [thing for thing, finding in findings(machine).items() if finding.state == "MISSING"]


def test_a_machine_that_has_everything_lacks_nothing() -> None:
    found = findings(Bench())
    assert {finding.state for finding in found.values()} == {"ok"}
    assert doctor.report(list(found.values())).endswith("This machine has what Hearth needs: make demo")


@pytest.mark.parametrize(
    ("change", "thing", "remedy"),
    [
        (lambda bench: bench.answers.pop(FOUND_PYTHON), "Python", "apt-get install python3 python3-venv"),
        (lambda bench: bench.answers.update({("node", "--version"): "v18.19.0"}), "Node.js", "nodejs"),
        (lambda bench: bench.answers.pop(("node", "--version")), "Node.js", "nodejs"),
        (lambda bench: bench.commands.discard("npm"), "Node.js", "nodejs"),
        (lambda bench: bench.answers.update({("make", "--version"): "bmake 20200710"}), "make", "install make"),
        (lambda bench: bench.answers.update({("make", "--version"): "GNU Make 3.80"}), "make", "install make"),
        (lambda bench: setattr(bench, "disk", 1.5), "Disk", "make room"),
        (lambda bench: setattr(bench, "system", "Windows"), "System", "WSL 2"),
        (lambda bench: setattr(bench, "processor", "riscv64"), "System", ""),
    ],
)
def test_what_is_needed_and_missing_is_named_with_the_way_to_get_it(
    change: Callable[[Bench], object], thing: str, remedy: str
) -> None:
    bench = Bench()
    change(bench)
    assert lacks(bench) == [thing]
    assert remedy in findings(bench)[thing].remedy
    assert doctor.report(list(doctor.examine(bench))).endswith(f"This machine lacks: {thing}.")


def test_an_environment_on_a_python_that_is_not_supported_is_to_be_removed() -> None:
    bench = Bench()
    command = (".venv/bin/python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    bench.answers[command] = "3.10"
    assert findings(bench)["Environment"].remedy == "rm -r .venv"
    bench.answers[command] = "3.14"
    assert lacks(bench) == []


@pytest.mark.parametrize(
    ("change", "thing", "word"),
    [
        (lambda bench: setattr(bench, "memory", 2), "Memory", "-n 1"),
        (lambda bench: setattr(bench, "processor", "aarch64"), "DynamoDB engine", "dynoxide"),
        (lambda bench: setattr(bench, "taken", {8000}), "Ports", "8000 (api)"),
        (
            lambda bench: bench.answers.pop(FOUND_PACKAGER),
            "Packaging",
            "uv python install 3.13",
        ),
        (lambda bench: bench.commands.discard("docker"), "Docker", "LocalStack"),
        (lambda bench: bench.files.clear(), "OpenStack", "installs MariaDB"),
    ],
)
def test_optional_things_are_reported_but_do_not_fail(
    change: Callable[[Bench], object], thing: str, word: str
) -> None:
    bench = Bench()
    change(bench)
    finding = findings(bench)[thing]
    assert finding.state == "-"
    assert word in f"{finding.detail} {finding.remedy}"
    assert lacks(bench) == []


def test_the_way_to_get_a_thing_is_that_of_the_machines_package_manager() -> None:
    assert Bench(commands={"brew"}).how_to_get("node") == "brew install node"
    assert Bench(commands={"dnf"}).how_to_get("python") == "dnf install python3.13"
    assert "python.org" in Bench(commands=set()).how_to_get("python")


def test_an_engine_on_the_path_is_found_where_npm_has_none() -> None:
    mac = Bench(system="Darwin", processor="arm64", commands={"npm", "brew", "dynoxide"})
    assert findings(mac)["DynamoDB engine"] == Finding("ok", "DynamoDB engine", "/usr/bin/dynoxide")


def test_the_exit_status_says_whether_something_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for machine, status in ((Bench(), 0), (Bench(disk=0), 1)):
        monkeypatch.setattr(doctor, "Machine", lambda machine=machine: machine)
        assert doctor.main() == status
    assert "MISSING Disk" in capsys.readouterr().out


def test_it_runs_on_a_python_that_is_too_old_for_the_product() -> None:
    """A newcomer may have no other Python; macOS has 3.9."""
    tree = ast.parse(Path(doctor.__file__).read_text(), feature_version=(3, 8))
    imported = {name for node in tree.body if isinstance(node, ast.ImportFrom) for name in [node.module]}
    assert imported == {"__future__", "collections.abc", "dataclasses", "pathlib"}


def test_it_knows_the_pythons_that_are_supported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (oldest, newest) = doctor._PYTHONS
    assert project["requires-python"] == f">={oldest[0]}.{oldest[1]},<{newest[0]}.{newest[1] + 1}"
