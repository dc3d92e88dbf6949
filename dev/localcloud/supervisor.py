"""Runs one local cloud: starts its processes, deploys the product, and stops the processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, field
from typing import Any

from dev.localcloud import deploy, processes
from dev.localcloud.awsclient import ACCOUNT, REGION, SECRET
from dev.localcloud.gateways import GATEWAYS
from dev.localcloud.home import Home, read_json, write_json
from dev.localcloud.ports import HOST, Ports, choose
from dev.localcloud.targets import Target, TargetKind, choose_target

SIMULATOR = "dev.simulators.openstack"

_ACCOUNT_CONCURRENCY = "1000"
"""AWS's default (Lambda quotas); ministack's default depends on the machine's memory."""
_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.05
_WATCH_SECONDS = 0.5


class CloudFailed(Exception):
    """The cloud did not start, or one of its processes ended; the message says where to look."""


@dataclass(frozen=True)
class Options:
    """The options of a cloud."""

    speed: float = 1.0
    """The speed of the simulators."""
    wait_scale: float = 1.0
    """The scale of state machines' waits and retry intervals; 0.1 is ten times as fast."""
    source: deploy.Source = field(default_factory=deploy.Source)
    target: TargetKind = TargetKind.SIMULATOR
    is_bare: bool = False
    """Whether to start without a deployment."""


@dataclass
class Supervisor:
    """One cloud from start to stop."""

    home: Home
    options: Options
    _children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Start, deploy, and run until SIGTERM, Ctrl-C or the end of a child; then stop everything.

        Raises:
            CloudFailed: a process did not start, or ended by itself.
        """
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_number, lambda *_: self._stopped.set())
        self.home.prepare()
        ports = choose(read_json(self.home.ports) or {})
        write_json(self.home.ports, asdict(ports))
        target = choose_target(self.options.target, ports)
        target.save(self.home)
        try:
            began = time.monotonic()
            self._launch_all(ports)
            if not self.options.is_bare:
                deploy.prepare(self.home, self.options.source)
            self._await_all(ports)
            print(f"Packaged and started in {time.monotonic() - began:.1f} s.", flush=True)
            if not self.options.is_bare:
                self._deploy(ports, target)
            write_json(self.home.endpoints, self._endpoints(ports))
            self._watch_children()
        finally:
            self._stop()

    def _deploy(self, ports: Ports, target: Target) -> None:
        seconds = deploy.bring_in(self.home, self.options.source, _url(ports.aws), target)
        print("Already deployed." if seconds is None else f"Deployed in {seconds:.1f} s.", flush=True)
        threading.Thread(target=_post, args=(f"{_url(ports.control)}/warm", {}), daemon=True).start()

    def _launch_all(self, ports: Ports) -> None:
        self._launch("aws", ["-m", "dev.localcloud.aws.launch"], self._aws_environment(ports))
        if self.options.target is TargetKind.SIMULATOR:
            state = str(self.home.state / "openstack.json")
            arguments = ["-m", SIMULATOR, "--port", str(ports.openstack), "--state", state]
            self._launch("openstack", arguments, dict(os.environ))
        for gateway in GATEWAYS:
            state = str(self.home.state / f"{gateway.name}.json")
            self._launch(gateway.name, gateway.arguments(ports, state), dict(os.environ))
        self._record()

    def _await_all(self, ports: Ports) -> None:
        self._await(f"{_url(ports.aws)}/_ministack/health", "aws")
        if "openstack" in self._children:
            self._await(f"{_url(ports.openstack)}/_control/state", "openstack")
            _post(f"{_url(ports.openstack)}/_control/speed", {"speed": self.options.speed})
        for gateway in GATEWAYS:
            self._await(gateway.url(ports), gateway.name)

    def _launch(self, name: str, arguments: list[str], environment: dict[str, str]) -> None:
        command = [sys.executable, *arguments]
        self._children[name] = processes.start(command, environment, self.home.log(name), deploy.ROOT)

    def _aws_environment(self, ports: Ports) -> dict[str, str]:
        listening = f"{ports.aws},{ports.api},{ports.control},{ports.mailbox}"
        return os.environ | {
            "HEARTH_HOME": str(self.home.folder.resolve()),
            "HEARTH_INSTALLATION": deploy.INSTALLATION,
            "HEARTH_PORTS": listening,
            "AWS_ENDPOINT_URL": _url(ports.aws),
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "MINISTACK_REGION": REGION,
            "MINISTACK_HOST": HOST,
            "LAMBDA_ACCOUNT_CONCURRENCY": _ACCOUNT_CONCURRENCY,
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(ports.aws),
            "LAMBDA_EXECUTOR": "local",
            # Check every call against its caller's policies, so that a missing grant is found here.
            "AUTH": "true",
            "PERSIST_STATE": "1",
            "STATE_DIR": str((self.home.state / "aws").resolve()),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str((self.home.state / "s3").resolve()),
            "SFN_WAIT_SCALE": str(self.options.wait_scale),
            # Switch off listeners and a daemon that nothing here uses.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent/docker.sock",
        }

    def _await(self, url: str, name: str) -> None:
        """Wait until `url` answers."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and not self._stopped.is_set():
            if self._children[name].poll() is not None:
                break
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return
            except urllib.error.HTTPError:
                return  # any answer will do, even 404
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(_POLL_SECONDS)
        raise CloudFailed(f"{name} does not answer; its log is {self.home.log(name)}")

    def _record(self) -> None:
        ours = {"supervisor": os.getpid()} | {name: child.pid for name, child in self._children.items()}
        known = {name: processes.Process.of(pid).as_json() for name, pid in ours.items()}
        write_json(self.home.processes, known)

    def _watch_children(self) -> None:
        while not self._stopped.wait(_WATCH_SECONDS):
            for name, child in self._children.items():
                if child.poll() is not None:
                    raise CloudFailed(f"{name} ended by itself; its log is {self.home.log(name)}")

    def _stop(self) -> None:
        self.home.endpoints.unlink(missing_ok=True)
        for child in self._children.values():
            child.terminate()
        for child in self._children.values():
            try:
                child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(_STOP_SECONDS)
        self.home.processes.unlink(missing_ok=True)

    def _endpoints(self, ports: Ports) -> dict[str, Any]:
        door = _url(ports.api)
        running = {name: _url(getattr(ports, name)) for name in self._children if name != "aws"}
        return {
            "api": f"{door}/api",
            **deployed_addresses(self.home, door),
            "mailbox": _url(ports.mailbox),
            "control": _url(ports.control),
            "simulators": {name: {"url": url, "control": f"{url}/_control"} for name, url in running.items()},
            "aws": {
                "endpoint": _url(ports.aws),
                "region": REGION,
                "accessKeyId": ACCOUNT,
                "secretAccessKey": SECRET,
            },
        }


def deployed_addresses(home: Home, door: str) -> dict[str, Any]:
    """The part of `endpoints.json` that depends on the deployment, with the front door at `door`."""
    routes = read_json(home.routes) or {}
    websocket = f"{door.replace('http', 'ws', 1)}/websocket"
    return {
        "websocket": websocket if routes.get("websocket") else None,
        "webhooks": {name: f"{door}/webhooks/{name}" for name in routes.get("webhooks", {})},
        "table": routes.get("table"),
    }


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"


def _post(url: str, body: dict[str, Any]) -> None:
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=60):
        return
