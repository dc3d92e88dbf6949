"""Choose the ports and write the configuration of the local OpenStack.

Reads the templates in `conf/` (syntax of `string.Template`) and writes them, with the files that the
packages bring, under `$OPENSTACK_BASE/conf`; writes `$OPENSTACK_BASE/cloud.env`, from which the shell
scripts and `bootstrap.py` take ports and passwords. A missing or misspelt variable is an error.
"""

import argparse
import os
import shutil
import socket
import string
import sys
from collections.abc import Mapping
from pathlib import Path

TEMPLATES = Path(__file__).parent / "conf"
FRAGMENTS = ("credentials", "defaults", "pool", "oslo")
SERVICES = ("keystone", "glance", "placement", "nova", "neutron", "cinder", "heat")

# Upstream's own port plus 22000: below the kernel's ephemeral ports and apart from the local cloud's.
DEFAULT_PORTS = {
    "KEYSTONE_PORT": 27000,
    "GLANCE_PORT": 31292,
    "PLACEMENT_PORT": 30778,
    "NOVA_PORT": 30774,
    "NEUTRON_PORT": 31696,
    "CINDER_PORT": 30776,
    "HEAT_PORT": 30004,
    "HEAT_CFN_PORT": 30000,
    "MARIADB_PORT": 25306,
    "RABBITMQ_PORT": 27672,
    "RABBITMQ_DIST_PORT": 27673,
    "EPMD_PORT": 26369,
}

# Not secret: the cloud listens only on loopback and holds nothing of value.
CONSTANTS = {
    "REGION": "RegionOne",
    "ADMIN_PASSWORD": "adminpass",
    "DEMO_PASSWORD": "demopass",
    "SERVICE_PASSWORD": "svcpass",
    "DATABASE_PASSWORD": "dbpass",
}


class ConfigurationError(Exception):
    """A setting has an invalid value."""


def is_free(port: int) -> bool:
    """Whether a server could bind this port on loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(taken: set[int]) -> int:
    """Return a free port below the kernel's ephemeral range that is not in `taken`."""
    for port in range(20000, 32000):
        if port not in taken and is_free(port):
            return port
    raise ConfigurationError("no free port between 20000 and 32000")


def read_env(path: Path) -> dict[str, str]:
    """Return the NAME=value lines of a file; empty if the file does not exist."""
    if not path.exists():
        return {}
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def settle_ports(kept: Mapping[str, str], *, running: bool) -> dict[str, int]:
    """Return the ports to use: those kept from the last start, else the defaults, else free ones.

    While services run, they keep their ports. Otherwise, a port that another program has taken since is replaced.
    """
    wanted = {name: int(kept.get(name, default)) for name, default in DEFAULT_PORTS.items()}
    if running:
        return wanted
    settled: dict[str, int] = {}
    reserved = set(wanted.values())
    for name, port in wanted.items():
        settled[name] = port if is_free(port) else free_port(reserved)
        reserved.add(settled[name])
    return settled


def whole_number(name: str, default: int, minimum: int) -> str:
    """Return the integer in environment variable `name`, at least `minimum`, as text."""
    text = os.environ.get(name) or str(default)
    try:
        number = int(text)
    except ValueError:
        number = minimum - 1
    if number < minimum:
        raise ConfigurationError(f"{name} must be a whole number of at least {minimum}, not {text!r}")
    return str(number)


def true_or_false(name: str) -> str:
    """Return "true" or "false" from environment variable `name`; unset is false."""
    text = (os.environ.get(name) or "false").lower()
    if text not in {"true", "false"}:
        raise ConfigurationError(f"{name} must be true or false, not {text!r}")
    return text


def knobs() -> dict[str, str]:
    """Return the settings of this cloud that the environment gives."""
    return {
        "token_ttl_seconds": whole_number("OPENSTACK_TOKEN_TTL_SECONDS", 3600, 1),
        "token_cache_seconds": whole_number("OPENSTACK_TOKEN_CACHE_SECONDS", 10, -1),
        "heat_workers": whole_number("OPENSTACK_HEAT_WORKERS", 2, 1),
        "stacks_per_project": whole_number("OPENSTACK_STACKS_PER_PROJECT", -1, -1),
        "appcred_trusts": true_or_false("OPENSTACK_APPCRED_TRUSTS"),
        "debug": true_or_false("OPENSTACK_DEBUG"),
    }


def variables(base: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return every name that a template may use."""
    values = {name.lower(): value for name, value in env.items()}
    values |= knobs()
    values |= {"state": str(base / "state"), "conf": str(base / "conf")}
    values["database_url"] = f"mysql+pymysql://os:{values['database_password']}@127.0.0.1:{values['mariadb_port']}"
    for name in FRAGMENTS:
        fragment = (TEMPLATES / "shared" / f"{name}.conf").read_text().rstrip("\n")
        values[name] = string.Template(fragment).substitute(values)
    return values


def render(target: Path, packaged: Path, values: Mapping[str, str]) -> None:
    """Write the packages' configuration files under `target`, then ours over them."""
    for service in SERVICES:
        if (packaged / service).is_dir():
            shutil.copytree(packaged / service, target / service, dirs_exist_ok=True)
    for template in sorted(path for path in TEMPLATES.rglob("*") if path.is_file()):
        name = template.relative_to(TEMPLATES)
        if name.parts[0] == "shared":
            continue
        try:
            text = string.Template(template.read_text()).substitute(values)
        except (KeyError, ValueError) as error:
            raise ConfigurationError(f"conf/{name}: bad variable {error}") from error
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text)


def main() -> None:
    """Configure the cloud whose state is in `--base` and whose packages are in `--venv`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--running", action="store_true", help="services run: keep their ports")
    arguments = parser.parse_args()
    env_file = arguments.base / "cloud.env"
    try:
        ports = settle_ports(read_env(env_file), running=arguments.running)
        env = CONSTANTS | {name: str(port) for name, port in ports.items()}
        render(arguments.base / "conf", arguments.venv / "etc", variables(arguments.base, env))
    except ConfigurationError as error:
        sys.exit(f"configure: {error}")
    env_file.write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    for name, port in ports.items():
        if port != DEFAULT_PORTS[name]:
            print(f"{name} is {port}, not its usual {DEFAULT_PORTS[name]}, which is in use")


if __name__ == "__main__":
    main()
