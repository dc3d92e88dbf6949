"""Selects the DynamoDB engine of the tests: dynoxide if its binary exists, else ministack's DynamoDB.

npm has dynoxide's binary for Linux on x86-64. On other systems, tests use a `dynoxide` on `PATH`, or ministack.
Every test passes on both; ministack is slower. `HEARTH_DYNAMODB` selects one: `ministack`, or the path of a
binary.
"""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"

_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Program:
    """A program that serves DynamoDB's protocol with tables in memory."""

    name: str
    command: tuple[str, ...]
    """The command that starts it, without the address."""
    version: str
    is_slowed_by_streams: bool
    """Whether writes become slower, the more was written to a table with a stream."""
    why: str = ""
    """The reason for this program, if it is not the usual one."""

    def start(self, port: int) -> subprocess.Popen[bytes]:
        """Start it on `port` of this machine; it may need a moment before it listens."""
        return subprocess.Popen(
            [*self.command, "--host", HOST, "--port", str(port)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def described(self) -> str:
        """One line for the header of a test run."""
        return f"DynamoDB: {self.name} {self.version}{self.why and f' ({self.why})'}"


def npm_platform() -> str:
    """This machine's system and processor, by npm's names."""
    machine = platform.machine().lower()
    return f"{sys.platform}-{_MACHINES.get(machine, machine)}"


def ministack(why: str = "") -> Program:
    """ministack's DynamoDB, which runs on every machine with Python."""
    command = (sys.executable, "-m", "tests.support.ministack_dynamodb")
    version = importlib.metadata.version("ministack")
    return Program("ministack", command, version, is_slowed_by_streams=False, why=why)


def dynoxide(binary: Path, why: str = "") -> Program:
    """The engine whose executable is `binary`.

    Raises:
        OSError, subprocess.SubprocessError: it does not run on this machine.
    """
    asked = [str(binary), "--version"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=10).stdout
    command = (str(binary), "serve")
    return Program("dynoxide", command, answer.split()[-1], is_slowed_by_streams=True, why=why)


def installed_binary(modules: Path = ROOT / "node_modules") -> Path | None:
    """dynoxide's executable for this machine: npm's, else the one on `PATH`."""
    from_npm = modules / "@dynoxide" / npm_platform() / "dynoxide"
    if from_npm.exists():
        return from_npm
    on_path = shutil.which("dynoxide")
    return Path(on_path) if on_path else None


def choose(wanted: str, binary: Path | None) -> Program:
    """The program `wanted`, by name or path; if that is empty, dynoxide's `binary`, or ministack if it is None.

    Raises:
        OSError, subprocess.SubprocessError: the binary does not run on this machine.
    """
    if wanted == "ministack":
        return ministack("HEARTH_DYNAMODB asks for it")
    if wanted:
        return dynoxide(Path(wanted), "HEARTH_DYNAMODB asks for it")
    if binary:
        return dynoxide(binary)
    return ministack(f"slower: dynoxide is not installed for {npm_platform()}; docs/operations.md, Other machines")


@cache
def chosen() -> Program:
    """The program of this test run."""
    return choose(os.environ.get("HEARTH_DYNAMODB", ""), installed_binary())
