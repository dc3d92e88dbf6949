"""A local cloud for tests, on its own ports, with the fixture project deployed into it."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from tools.package import ROOT

_DEADLINE_SECONDS = 30.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Response:
    """The answer of an address."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


def request(method: str, url: str, body: Any = None, headers: dict[str, str] | None = None) -> Response:
    """Send one request; return its answer, even if its status is an error."""
    data = None if body is None else json.dumps(body).encode()
    sent = urllib.request.Request(
        url, data, {"content-type": "application/json", **(headers or {})}, method=method
    )
    try:
        with urllib.request.urlopen(sent, timeout=_DEADLINE_SECONDS) as answer:
            return Response(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as answer:
        return Response(answer.code, dict(answer.headers), answer.read())


def eventually(condition: Callable[[], Any], timeout_seconds: float = _DEADLINE_SECONDS) -> Any:
    """Call `condition` until it returns a true value, and return that value."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(_POLL_SECONDS)
    raise AssertionError("what was awaited did not come")


@dataclass(frozen=True)
class LocalCloud:
    """One home, and the project that is deployed into it."""

    home: Path
    project: Path

    def run(self, *arguments: str) -> str:
        """Run `python -m dev.localcloud` on this home; return its output."""
        command = [sys.executable, "-m", "dev.localcloud", "--home", str(self.home), *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}{self._logs()}"
        return done.stdout

    def up(self) -> str:
        """Start it, or deploy the project's edits."""
        return self.run("up", "--project", str(self.project), "--wait-scale", "0.01")

    @property
    def endpoints(self) -> dict[str, Any]:
        """Its addresses."""
        loaded: dict[str, Any] = json.loads((self.home / "endpoints.json").read_text())
        return loaded

    def api(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Response:
        """Send a request to the API."""
        return request(method, f"{self.endpoints['api']}{path}", body, headers)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to the control port."""
        answer = request(method, f"{self.endpoints['control']}{path}", body)
        assert answer.status < 300, answer.body
        return answer.json()

    def client(self, service: str) -> Any:
        """A client of its AWS."""
        aws = self.endpoints["aws"]
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=aws["endpoint"],
            region_name=aws["region"],
            aws_access_key_id=aws["accessKeyId"],
            aws_secret_access_key=aws["secretAccessKey"],
        )

    def invocations(self, function: str, contains: str = "") -> list[dict[str, Any]]:
        """The record of invocations."""
        found: list[dict[str, Any]] = self.control("GET", f"/invocations?function={function}&contains={contains}")
        return found

    def execute(self, machine: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """Run a state machine to its end."""
        states = self.client("stepfunctions")
        machines = states.list_state_machines()["stateMachines"]
        (arn,) = [found["stateMachineArn"] for found in machines if found["name"].endswith(machine)]
        started = states.start_execution(stateMachineArn=arn, name=name, input=json.dumps(given))["executionArn"]

        def ended() -> Any:
            described = states.describe_execution(executionArn=started)
            return described if described["status"] != "RUNNING" else None

        described: dict[str, Any] = eventually(ended)
        return described

    def _logs(self) -> str:
        logs = sorted((self.home / "logs").glob("*.log"))
        return "".join(f"\n--- {path.name}\n{path.read_text()[-3000:]}" for path in logs)
