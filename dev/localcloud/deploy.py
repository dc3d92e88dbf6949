"""Brings the code of the working tree into a running local cloud; what has not changed costs nothing."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from dev.localcloud.awsclient import ACCOUNT, REGION, SECRET, LocalAws
from dev.localcloud.home import Home, read_json, write_json
from dev.localcloud.stacks import Stacks, located
from dev.localcloud.targets import Target
from tools import package as packaging
from tools.runtime import Platform

ROOT = packaging.ROOT
STACK = "hearth"
DATA_STACK = "hearth-data"
RATES = ("EUR=1.08", "GBP=1.27", "CAD=0.72", "CHF=1.13", "AED=0.2723", "USDT=1", "USDC=1")
"""Dollars for one unit, as of every `up`."""
MAIL_SENDER = "Hearth <no-reply@hearth.test>"
FRONT_END = "http://localhost:3000"

_WATCHED = ("app.py", "chalicelib", "functions", "heat_templates", "state_machines", "infra", "tools", ".chalice")
_MORE_WATCHED = ("requirements.txt", "catalog", "dev/localcloud")
_SKIPPED_FOLDERS = {"__pycache__", "deployments", "deployed"}


@dataclass(frozen=True)
class Source:
    """What is deployed: a project's folder; the product's own, unless a test brings a smaller one."""

    project: Path = ROOT

    def fingerprint(self) -> str:
        """Changes with every file that decides what is deployed, and with the Python that it is deployed for."""
        digest = hashlib.sha256(str(Platform.here()).encode())
        for path in self._files():
            content = path.read_bytes()
            digest.update(f"{path}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def watched(self) -> list[Path]:
        """The files and folders whose change makes a deployment due."""
        folders = [self.project / name for name in _WATCHED] + [ROOT / name for name in _MORE_WATCHED]
        return [folder for folder in folders if folder.exists()]

    def _files(self) -> list[Path]:
        found: list[Path] = []
        for path in self.watched():
            found += [path] if path.is_file() else [inner for inner in path.rglob("*") if inner.is_file()]
        return sorted(path for path in found if not _SKIPPED_FOLDERS & set(path.parts))


def bring_in(home: Home, source: Source, endpoint: str, target: Target) -> float | None:
    """Deploy `source` to the AWS at `endpoint`; the seconds it took, or None when nothing had changed.

    Raises:
        packaging.PackagingFailed, stacks.DeploymentFailed: the code cannot be deployed; the old one stays.
    """
    with _alone(home):
        began = time.monotonic()
        due = {"sources": source.fingerprint(), "endpoint": endpoint, "target": target.fingerprint()}
        stacks = Stacks(LocalAws(endpoint))
        if read_json(home.deployed) == due and stacks.exists(STACK):
            return None
        prepare(home, source)
        data = _deploy_data(source, stacks)
        outputs = _deploy_app(home, stacks, data)
        write_json(home.routes, _routes(outputs) | {"table": data["TableName"]})
        _fill_secret(LocalAws(endpoint), data["ProviderSecretArn"], target.secret)
        _fill_secret(LocalAws(endpoint), data["PaymentSecretArn"], target.payments)
        LocalAws(endpoint).ses().verify_email_identity(EmailAddress=parseaddr(MAIL_SENDER)[1])
        _load_catalog(source, endpoint, data["TableName"], target.overlay)
        _run_tool(source, endpoint, data["TableName"], "put_rates", *RATES)
        write_json(home.deployed, due)
        return time.monotonic() - began


def prepare(home: Home, source: Source) -> None:
    """Package `source`, unless it is what was packaged last; needs nothing that runs.

    Raises:
        packaging.PackagingFailed: the code cannot be packaged.
    """
    due = source.fingerprint()
    if read_json(home.packaged) == due:
        return
    packaging.package(source.project, home.build.resolve(), Platform.here(), ROOT / "build" / "layers")
    write_json(home.packaged, due)


def function_environment(endpoint: str) -> dict[str, str]:
    """What a command outside of a Lambda needs to reach the local AWS."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }


def _deploy_data(source: Source, stacks: Stacks) -> dict[str, str]:
    template = (source.project / "infra" / "data.yaml").read_text()
    parameters = {"Stage": "local", "MailSender": MAIL_SENDER, "PublicUrl": FRONT_END}
    return stacks.deploy(DATA_STACK, template, parameters)


def _deploy_app(home: Home, stacks: Stacks, data: dict[str, str]) -> dict[str, str]:
    template = json.loads((home.build / "template.json").read_text())
    code, layer = stacks.upload(home.build / "code.zip"), stacks.upload(home.build / "layer.zip")
    parameters = {name: value for name, value in data.items() if name in template["Parameters"]}
    return stacks.deploy(STACK, located(template, code, layer), parameters)


def _fill_secret(aws: LocalAws, secret_id: str, secret: Mapping[str, Any]) -> None:
    aws.secretsmanager().put_secret_value(SecretId=secret_id, SecretString=json.dumps(dict(secret)))


def _load_catalog(source: Source, endpoint: str, table: str, overlay: str | None) -> None:
    _run_tool(source, endpoint, table, "load_catalog", *(["--overlay", overlay] if overlay else []))


def _run_tool(source: Source, endpoint: str, table: str, name: str, *arguments: str) -> None:
    """Run one of the product's own commands, where the project has it."""
    if not (source.project / "tools" / f"{name}.py").exists():
        return
    environment = os.environ | function_environment(endpoint) | {"TABLE_NAME": table}
    command = [sys.executable, "-m", f"tools.{name}", *arguments]
    done = subprocess.run(
        command, cwd=source.project, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise packaging.PackagingFailed(f"tools.{name} failed:\n{done.stderr.strip()}")


def _routes(outputs: dict[str, str]) -> dict[str, Any]:
    """The ids behind the front door's addresses; webhooks by the name in their registry entry."""
    webhooks = {
        _webhook_name(key): url.split("//", 1)[1].split(".", 1)[0]
        for key, url in outputs.items()
        if key.startswith("Webhook")
    }
    return {
        "api": outputs.get("RestAPIId"),
        "websocket": outputs.get("WebsocketAPIId"),
        "webhooks": webhooks,
    }


def _webhook_name(output: str) -> str:
    """`WebhookStripe` is `stripe`, `WebhookBankTransfer` is `bank_transfer`."""
    word = output.removeprefix("Webhook")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in word).lstrip("_")


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Two deployments never mix."""
    with home.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
