"""Deploys the code of the working tree into a running local cloud; unchanged parts are skipped."""

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
from dev.localcloud.stacks import Stacks
from dev.localcloud.targets import Target
from tools import package as packaging
from tools.aim import aimed
from tools.previous_release import PreviousRelease
from tools.rollout import roll_out
from tools.runtime import Platform
from tools.template.stacks import FRONT

ROOT = packaging.ROOT
INSTALLATION = "hearth"
"""The prefix of the names of all stacks and functions."""
DATA_STACK = f"{INSTALLATION}-data"
RATES = ("EUR=1.08", "GBP=1.27", "CAD=0.72", "CHF=1.13", "AED=0.2723", "USDT=1", "USDC=1")
"""US dollars for one unit of a currency; each `up` sets them."""
MAIL_SENDER = "Hearth <no-reply@hearth.test>"
FRONT_END = "http://localhost:3000"
API_DOMAIN = "api.hearth.test"
"""A domain that only the local AWS knows; its front door sends it in requests."""

_WATCHED = (
    "app.py",
    "chalicelib",
    "functions",
    "heat_templates",
    "state_machines",
    "infra",
    "tools",
    ".chalice",
    "docs/openapi.json",
)
_MORE_WATCHED = ("requirements.txt", "catalog", "dev/localcloud")
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.5
_SKIPPED_FOLDERS = {"__pycache__", "deployments", "deployed"}


@dataclass(frozen=True)
class Source:
    """The project to deploy, by its folder: the product, or a smaller project of a test."""

    project: Path = ROOT

    def fingerprint(self) -> str:
        """A value that changes with every file that is deployed, and with the Python version."""
        digest = hashlib.sha256(str(Platform.here()).encode())
        for path in self._files():
            content = path.read_bytes()
            digest.update(f"{path}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def watched(self) -> list[Path]:
        """The files and folders whose change requires a deployment."""
        folders = [self.project / name for name in _WATCHED] + [ROOT / name for name in _MORE_WATCHED]
        return [folder for folder in folders if folder.exists()]

    def _files(self) -> list[Path]:
        found: list[Path] = []
        for path in self.watched():
            found += [path] if path.is_file() else [inner for inner in path.rglob("*") if inner.is_file()]
        return sorted(path for path in found if not _SKIPPED_FOLDERS & set(path.parts))


def bring_in(home: Home, source: Source, endpoint: str, target: Target) -> float | None:
    """Deploy `source` to the AWS at `endpoint`; return the seconds it took, or None if nothing had changed.

    Raises:
        packaging.PackagingFailed, stacks.DeploymentFailed: the code cannot be deployed; the old code stays.
    """
    with _alone(home):
        began = time.monotonic()
        due = {"sources": source.fingerprint(), "endpoint": endpoint, "target": target.fingerprint()}
        aws = LocalAws(endpoint)
        stacks = Stacks(aws, home.build)
        if read_json(home.deployed) == due and stacks.exists(f"{INSTALLATION}-{FRONT}"):
            return None
        prepare(home, source)
        data = deploy_data(source, stacks)
        outputs = roll_out(packaging.Package(home.build), INSTALLATION, data, stacks)
        write_json(home.routes, routes(outputs) | {"table": data["TableName"], "domain": API_DOMAIN})
        fill_in(source, aws, data, target)
        _replace_previous_release(aws)
        write_json(home.deployed, due)
        return time.monotonic() - began


def prepare(home: Home, source: Source) -> None:
    """Package `source`, unless it has not changed since it was last packaged; no cloud needs to run.

    Raises:
        packaging.PackagingFailed: the code cannot be packaged.
    """
    due = source.fingerprint()
    if read_json(home.packaged) == due:
        return
    packaging.package(source.project, home.build.resolve(), Platform.here(), ROOT / "build" / "layers")
    write_json(home.packaged, due)


def deploy_data(source: Source, stacks: Stacks) -> dict[str, str]:
    """Deploy the data stack of `source`; return its outputs."""
    template = (source.project / "infra" / "data.yaml").read_text()
    parameters = {
        "Stage": "local",
        "MailSender": MAIL_SENDER,
        "PublicUrl": FRONT_END,
        "ApiDomain": API_DOMAIN,
        "ApiCertificateArn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/local",
    }
    return stacks.deploy_text(DATA_STACK, template, parameters)


def fill_in(source: Source, aws: LocalAws, data: Mapping[str, str], target: Target) -> None:
    """Set up what an operator sets up after a deployment: credentials, mail sender, catalogue, rates."""
    for secret, content in (("ProviderSecretArn", target.secret), ("PaymentSecretArn", target.payments)):
        aws.secretsmanager().put_secret_value(SecretId=data[secret], SecretString=json.dumps(dict(content)))
    aws.ses().verify_email_identity(EmailAddress=parseaddr(MAIL_SENDER)[1])
    overlay = ["--overlay", target.overlay] if target.overlay else []
    _run_tool(source, aws.endpoint, data["TableName"], "load_catalog", *overlay)
    _run_tool(source, aws.endpoint, data["TableName"], "put_rates", *RATES)


def _replace_previous_release(aws: LocalAws) -> None:
    """Wait until the stack of a release before areas has finished its work, and remove it.

    Reconcilers finish the work that does not end in time, as after a crash.
    """
    previous = PreviousRelease(INSTALLATION, aws.client)
    if previous.exists():
        previous.quiet()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while previous.unfinished() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        previous.remove()


def _run_tool(source: Source, endpoint: str, table: str, name: str, *arguments: str) -> None:
    """Run one of the product's commands, if the project has it."""
    if not (source.project / "tools" / f"{name}.py").exists():
        return
    environment = aimed(os.environ, endpoint, REGION, ACCOUNT, SECRET) | {"TABLE_NAME": table}
    command = [sys.executable, "-m", f"tools.{name}", *arguments]
    done = subprocess.run(
        command, cwd=source.project, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise packaging.PackagingFailed(f"tools.{name} failed:\n{done.stderr.strip()}")


def routes(outputs: dict[str, str]) -> dict[str, Any]:
    """The ids behind the front door's addresses; webhooks by their name in the registry."""
    webhooks = {
        _webhook_name(key): url.split("//", 1)[1].split(".", 1)[0]
        for key, url in outputs.items()
        if key.startswith("Webhook")
    }
    return {
        "websocket": outputs.get("WebsocketAPIId"),
        "webhooks": webhooks,
    }


def _webhook_name(output: str) -> str:
    """The webhook's name: `stripe` for `WebhookStripe`, `bank_transfer` for `WebhookBankTransfer`."""
    word = output.removeprefix("Webhook")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in word).lstrip("_")


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Hold the lock of deployments, so that two never run at a time."""
    with home.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
