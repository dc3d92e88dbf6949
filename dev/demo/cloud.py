"""The local cloud of the demo: started if none runs, and then stopped at the end."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from dev.demo.checks import StepFailed, require_equal
from dev.demo.client import ask
from dev.demo.screen import Screen
from dev.localcloud.__main__ import running
from dev.localcloud.home import Home, read_json
from dev.localcloud.targets import TargetKind, saved_target
from tools.package import ROOT

Endpoints = Mapping[str, Any]
"""The content of `endpoints.json`."""

_SCHEDULE_SECONDS = 120.0


@contextmanager
def local_cloud(home: Home, target: TargetKind, screen: Screen) -> Iterator[Endpoints]:
    """The cloud of `home`, which runs the working tree's code.

    Raises:
        StepFailed: it does not start, or runs for another target.
    """
    was_running = running(home) is not None
    try:
        with screen.step("Refresh the local cloud" if was_running else "Start the local cloud"):
            screen.waiting("packaging the functions and deploying them to a local AWS")
            _command(home, "up", "--target", target)
            require_equal("the cloud's target", saved_target(home).kind, target)
            endpoints: Endpoints = read_json(home.endpoints)
            deployed = ask("GET", f"{endpoints['control']}/functions")
            screen.done(f"{len(deployed)} Lambda functions run at {endpoints['api']}")
        yield endpoints
    finally:
        if not was_running:
            _command(home, "down")


def run_schedule(endpoints: Endpoints, name: str) -> Any:
    """Run a scheduled function now; return its result.

    Raises:
        StepFailed: it failed.
    """
    url = f"{endpoints['control']}/schedules/{name}/run"
    answer = ask("POST", url, timeout_seconds=_SCHEDULE_SECONDS)
    if "result" not in answer:
        raise StepFailed(f"a result of the schedule {name}", json.dumps(answer)[:1000])
    return answer["result"]


def _command(home: Home, *arguments: str) -> None:
    command: Sequence[str] = [sys.executable, "-m", "dev.localcloud", "--home", str(home.folder), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StepFailed(f"`localcloud {arguments[0]}` to succeed", (done.stderr or done.stdout).strip()[-2000:])
