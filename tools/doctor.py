"""`make doctor`: says what this machine lacks for developing Hearth, and how to get it.

It runs before anything is installed, and also on Python 3.8, which is too old for everything else; so it uses only
the standard library. It exits with 1 if something is missing that `make demo` or `make test` needs.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

OLDEST_NODE = 20
OLDEST_MAKE = (3, 81)
DISK_GB = 2
"""The packages take a quarter of it, and the states of local clouds the rest."""
MEMORY_GB = 4
"""Enough for the four workers of `make test` and their clouds."""

_PYTHONS = ((3, 11), (3, 14))
"""As in pyproject.toml; tools/find-python.sh looks for them."""
_OPENSTACK_PROGRAMS = ("/usr/sbin/mariadbd", "/usr/lib/rabbitmq/bin/rabbitmq-server")
_ENGINE_COMES_WITH_NPM = ("Linux", "x86_64")

_GET = {
    "python": {
        "brew": "brew install python@3.13",
        "apt-get": "apt-get install python3 python3-venv",
        "dnf": "dnf install python3.13",
        "": "get it from python.org/downloads",
    },
    "node": {
        "brew": "brew install node",
        "apt-get": "apt-get install nodejs npm, or from nodejs.org where that is too old",
        "dnf": "dnf install nodejs npm",
        "": "get it from nodejs.org",
    },
    "make": {
        "brew": "xcode-select --install",
        "apt-get": "apt-get install make",
        "dnf": "dnf install make",
        "": "get GNU make from your system's packages",
    },
}
"""How to install each program, by the package manager of the machine."""


class Machine:
    """The facts about this machine that the checks read."""

    system = platform.system()
    processor = platform.machine()

    def which(self, command: str) -> str | None:
        """The path of `command`, if it is on `PATH`."""
        return shutil.which(command)

    def exists(self, path: str) -> bool:
        """Whether the file `path` exists."""
        return os.path.exists(path)

    def says(self, *command: str) -> str | None:
        """The output of `command`; None if it does not exist, fails, or hangs."""
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20, cwd=str(ROOT))
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    def free_disk_gb(self) -> float:
        """The free space on the project's disk."""
        return shutil.disk_usage(str(ROOT)).free / 1e9

    def memory_gb(self) -> float:
        """The machine's memory."""
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9

    def is_free(self, port: int) -> bool:
        """Whether nothing listens on `port` of 127.0.0.1."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    def how_to_get(self, thing: str) -> str:
        """The command of this machine's package manager."""
        ways = _GET[thing]
        return next((way for manager, way in ways.items() if manager and self.which(manager)), ways[""])


@dataclass(frozen=True)
class Finding:
    """The result of one check: whether a thing is present, and how to get it if not."""

    state: str
    thing: str
    detail: str
    remedy: str = ""


def found(thing: str, detail: str) -> Finding:
    """The finding for a thing that is present."""
    return Finding("ok", thing, detail)


def missing(thing: str, detail: str, remedy: str) -> Finding:
    """The finding for a thing that is needed and missing."""
    return Finding("MISSING", thing, detail, remedy)


def optional(thing: str, detail: str, remedy: str = "") -> Finding:
    """The finding for a missing thing that only a part of the work needs; `detail` says which."""
    return Finding("-", thing, detail, remedy)


def check_system(machine: Machine) -> Finding:
    """Check for Linux or macOS, on x86-64 or arm64."""
    here = f"{machine.system} on {machine.processor}"
    if machine.system in {"Linux", "Darwin"} and machine.processor in {"x86_64", "arm64", "aarch64"}:
        return found("System", here)
    return missing("System", f"{here} is neither Linux nor macOS on x86-64 or arm64", "on Windows, work in WSL 2")


def check_python(machine: Machine) -> Finding:
    """Check for a supported Python that can make virtual environments."""
    chosen = machine.says("sh", "tools/find-python.sh")
    if chosen:
        return found("Python", f"{machine.says(chosen, '--version')}, {chosen}")
    oldest, newest = (".".join(map(str, version)) for version in _PYTHONS)
    here = machine.says("python3", "--version")
    detail = f"{here or 'none'} is here; Hearth needs {oldest} to {newest}, with its venv module"
    return missing("Python", detail, machine.how_to_get("python"))


def check_environment(machine: Machine) -> Finding:
    """Check the environment that `make install` makes."""
    made = machine.says(".venv/bin/python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    if made is None:
        return found("Environment", ".venv is not installed yet: every command does it")
    if _PYTHONS[0] <= _numbers(made) <= _PYTHONS[1]:
        return found("Environment", f".venv is on Python {made}; remove it to change to another")
    return missing("Environment", f".venv is on Python {made}, which is not supported", "rm -r .venv")


def check_node(machine: Machine) -> Finding:
    """Check for Node: npm fetches the DynamoDB engine and the vendors' documents."""
    version = machine.says("node", "--version") or ""
    if not machine.which("npm") or _numbers(version) < (OLDEST_NODE,):
        detail = f"Node.js {OLDEST_NODE} or later with npm is needed; here is {version or 'none'}"
        return missing("Node.js", detail, machine.how_to_get("node"))
    return found("Node.js", f"{version}, npm {machine.says('npm', '--version')}")


def check_make(machine: Machine) -> Finding:
    """Check for make; version 3.81, which macOS has, is enough."""
    first = (machine.says("make", "--version") or "").partition("\n")[0]
    if "GNU Make" not in first or _numbers(first) < OLDEST_MAKE:
        detail = f"GNU make 3.81 or later is needed; here is {first or 'none'}"
        return missing("make", detail, machine.how_to_get("make"))
    return found("make", first)


def check_disk(machine: Machine) -> Finding:
    """Check the free space where the project is."""
    free = machine.free_disk_gb()
    if free < DISK_GB:
        detail = f"{free:.1f} GB are free, {DISK_GB} are needed"
        return missing("Disk", detail, "make room on the disk of this folder")
    return found("Disk", f"{free:.0f} GB are free")


def check_memory(machine: Machine) -> Finding:
    """Check the memory: with less, tests are slower, but run."""
    built_in = machine.memory_gb()
    if built_in < MEMORY_GB:
        detail = f"{built_in:.1f} GB: the four workers of `make test` may want more"
        return optional("Memory", detail, "make test ARGS='-n 1'")
    return found("Memory", f"{built_in:.0f} GB")


def check_engine(machine: Machine) -> Finding:
    """Check for the DynamoDB engine; without it, tests run on ministack's DynamoDB."""
    if (machine.system, machine.processor) == _ENGINE_COMES_WITH_NPM:
        return found("DynamoDB engine", "dynoxide, which comes with `make install`")
    on_path = machine.which("dynoxide")
    if on_path:
        return found("DynamoDB engine", on_path)
    detail = "tests run on ministack's DynamoDB, which takes longer"
    return optional("DynamoDB engine", detail, "put a `dynoxide` on PATH: brew install nubo-db/tap/dynoxide")


def check_ports(machine: Machine) -> Finding:
    """Check the usual ports; the local cloud replaces those that are in use."""
    from dev.localcloud.ports import Ports

    taken = [f"{port} ({name})" for name, port in vars(Ports()).items() if not machine.is_free(port)]
    if taken:
        return optional("Ports", f"{', '.join(taken)} taken: the local cloud takes others", "")
    return found("Ports", "those of the local cloud are free")


def check_packaging(machine: Machine) -> Finding:
    """Check for the Python of the Lambda runtime, which compiles the package for AWS."""
    from tools.runtime import PYTHON

    chosen = machine.says("sh", "tools/find-python.sh", "--only", PYTHON)
    if chosen:
        return found("Packaging", f"Python {PYTHON}, {chosen}")
    detail = f"`make package` and `make deploy` need Python {PYTHON}, on which the functions run"
    return optional("Packaging", detail, f".venv/bin/uv python install {PYTHON}")


def check_docker(machine: Machine) -> Finding:
    """Check for Docker, which only LocalStack needs."""
    docker = machine.which("docker")
    return found("Docker", docker) if docker else optional("Docker", "docker-compose.yml (LocalStack) needs it")


def check_openstack(machine: Machine) -> Finding:
    """Check for the programs that `make openstack-up` starts besides its Python packages."""
    if all(machine.exists(program) for program in _OPENSTACK_PROGRAMS):
        return found("OpenStack", "MariaDB and RabbitMQ are here for `make openstack-up`")
    if machine.which("apt-get"):
        return optional("OpenStack", "`make openstack-up` installs MariaDB and RabbitMQ, as root")
    return optional("OpenStack", "`make openstack-up` needs a Debian machine")


CHECKS: tuple[Callable[[Machine], Finding], ...] = (
    check_system,
    check_python,
    check_environment,
    check_node,
    check_make,
    check_disk,
    check_memory,
    check_engine,
    check_docker,
    check_openstack,
)
CHECKS_BY_THE_PRODUCT: tuple[Callable[[Machine], Finding], ...] = (check_ports, check_packaging)
"""Checks that read the product's code, which needs a supported Python."""


def examine(machine: Machine) -> Iterator[Finding]:
    """Run every check."""
    for check in CHECKS:
        yield check(machine)
    if sys.version_info[:2] >= _PYTHONS[0]:
        for check in CHECKS_BY_THE_PRODUCT:
            yield check(machine)


def report(findings: list[Finding]) -> str:
    """The findings as text: one line each, with the remedy below it, and a summary at the end."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:8}{finding.thing:17}{finding.detail}")
        if finding.remedy:
            lines.append(f"{'':25}→ {finding.remedy}")
    lacking = [finding.thing for finding in findings if finding.state == "MISSING"]
    last = "This machine has what Hearth needs: make demo"
    if lacking:
        last = f"This machine lacks: {', '.join(lacking)}."
    return "\n".join([*lines, "", last])


def _numbers(text: str) -> tuple[int, ...]:
    """The first version in `text`, such as (20, 1, 0) for `v20.1.0`; empty if there is none."""
    matched = re.search(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in matched[0].split(".")) if matched else ()


def main() -> int:
    """Print the report; return 1 if something is missing."""
    sys.path.insert(0, str(ROOT))
    findings = list(examine(Machine()))
    print(report(findings))
    return int(any(finding.state == "MISSING" for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
