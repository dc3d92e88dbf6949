"""`tools/find-python.sh` finds the Python with which the development environment is made."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from tools.runtime import PYTHON

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "tools" / "find-python.sh"


class Box:
    """A folder that is the whole `PATH`, with fake Pythons that only print their version."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.home = folder.parent / "home"

    def add(self, name: str, version: str | None) -> Path:
        """Add a command that acts as Python `version`; for None, it fails."""
        return self._write(self.folder / name, version)

    def add_to_pyenv(self, version: str) -> Path:
        """Add a Python that pyenv has installed but not selected."""
        return self._write(self.home / ".pyenv" / "versions" / f"{version}.1" / "bin" / "python", version)

    def _write(self, path: Path, version: str | None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {version}\n" if version else "#!/bin/sh\nexit 127\n")
        path.chmod(0o755)
        return path

    def find(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = {"PATH": str(self.folder), "HOME": str(self.home)}
        command = ["/bin/sh", str(SCRIPT), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def found(self, *arguments: str) -> str:
        return self.find(*arguments).stdout.strip()


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "bin")


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_the_only_one_is_found_under_its_own_name_or_as_python3(box: Box, version: str) -> None:
    plain = box.add("python3", version)
    assert box.found() == str(plain)
    named = box.add(f"python{version}", version)
    assert box.found() == str(named)


def test_the_functions_own_version_comes_first(box: Box) -> None:
    for version in ("3.11", "3.12", "3.13", "3.14"):
        box.add(f"python{version}", version)
    assert box.found() == str(box.folder / f"python{PYTHON}")


def test_one_that_does_not_run_is_passed_over(box: Box) -> None:
    """It is too old, cannot make virtual environments, or is the shim of a version that is not selected."""
    box.add("python3.13", None)
    older = box.add("python3.12", "3.12")
    assert box.found() == str(older)


def test_where_the_path_has_none_pyenvs_are_tried(box: Box) -> None:
    hidden = box.add_to_pyenv("3.12")
    assert box.found() == str(hidden)
    chosen = box.add("python3", "3.11")
    assert box.found() == str(chosen)


def test_a_version_can_be_asked_for_or_ruled_out(box: Box) -> None:
    for version in ("3.13", "3.12", "3.11"):
        box.add(f"python{version}", version)
    assert box.found("--only", "3.11") == str(box.folder / "python3.11")
    assert box.found("--except", "3.13") == str(box.folder / "python3.12")
    assert box.find("--only", "3.14").returncode == 1


def test_a_command_can_be_asked_for(box: Box) -> None:
    box.add("python3.13", "3.13")
    mine = box.add("my-python", "3.12")
    assert box.found("my-python") == box.found(str(mine)) == str(mine)


def test_where_there_is_none_a_sentence_says_so(box: Box) -> None:
    nothing = box.find()
    assert nothing.returncode == 1
    assert nothing.stdout == ""
    assert "3.11, 3.12, 3.13 or 3.14" in nothing.stderr
    assert "make doctor" in nothing.stderr


def test_a_real_python_is_judged_by_the_range_of_the_project() -> None:
    """The script repeats the project's range, because it runs before anything can read it."""
    text = SCRIPT.read_text()
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert supported == ">=3.11,<3.15"
    assert "(3, 11) <= sys.version_info[:2] <= (3, 14)" in text
    assert subprocess.run(["sh", str(SCRIPT)], capture_output=True, check=False).returncode == 0
