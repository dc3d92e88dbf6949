"""The selection of the tests' DynamoDB engine."""

import sys
from pathlib import Path

import pytest

from tests.support import programs


def engine(path: Path) -> Path:
    """A program that claims to be dynoxide."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\necho dynoxide 9.8.7\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("linux", "x86_64", "linux-x64"),
        ("linux", "aarch64", "linux-arm64"),
        ("darwin", "x86_64", "darwin-x64"),
        ("darwin", "arm64", "darwin-arm64"),
    ],
)
def test_the_binary_of_this_machine_is_npms_else_the_one_on_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: str, machine: str, expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert programs.installed_binary(tmp_path) is None
    on_path = engine(tmp_path / "bin" / "dynoxide")
    engine(tmp_path / "@dynoxide" / "another-system" / "dynoxide")
    assert programs.installed_binary(tmp_path) == on_path
    from_npm = engine(tmp_path / "@dynoxide" / expected / "dynoxide")
    assert programs.installed_binary(tmp_path) == from_npm


def test_the_head_of_a_run_says_which_one_it_is_and_why(tmp_path: Path) -> None:
    binary = engine(tmp_path / "dynoxide")
    assert programs.choose("", binary).described() == "DynamoDB: dynoxide 9.8.7"
    without = programs.choose("", None).described()
    assert without.startswith("DynamoDB: ministack ")
    assert f"dynoxide is not installed for {programs.npm_platform()}" in without


def test_the_environment_can_ask_for_another(tmp_path: Path) -> None:
    binary = engine(tmp_path / "dynoxide")
    assert programs.choose("ministack", binary).name == "ministack"
    assert programs.choose(str(binary), None).command == (str(binary), "serve")
