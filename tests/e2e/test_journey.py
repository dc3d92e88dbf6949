"""The main journey of the demo, as `make demo` runs it."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from dev.demo.checks import StepFailed
from dev.demo.client import ask
from dev.demo.inventory import remains_of
from dev.demo.journey import Journey
from dev.demo.screen import Screen
from dev.localcloud.targets import saved_target
from tests.support.cloud import LocalCloud
from tools.package import ROOT

pytestmark = pytest.mark.xdist_group("cloud")


@pytest.mark.guarantee("G01", "G02", "G05", "G06", "G12", "G21", "G40")
def test_main_journey_holds_from_registration_to_a_proven_ledger(cloud: LocalCloud) -> None:
    shown = io.StringIO()
    journey = Journey(Screen(Console(file=shown, width=110)), cloud.endpoints, cloud.home)
    journey.run()
    assert "÷ 3600, rounded down = $" in shown.getvalue()
    assert "\x1b" not in shown.getvalue()


def test_journey_stops_at_the_first_step_that_does_not_hold(cloud: LocalCloud) -> None:
    shown = io.StringIO()
    fault = {"kind": "no_valid_host", "match": {"region": "montreal"}, "times": 1}
    control = cloud.endpoints["simulators"]["openstack"]["control"]
    ask("POST", f"{control}/faults", json=fault)
    journey = Journey(Screen(Console(file=shown, width=110)), cloud.endpoints, cloud.home)
    with pytest.raises(StepFailed, match="no room for this machine type"):
        journey.run()
    assert "It runs, and is metered" not in shown.getvalue()
    assert remains_of(saved_target(cloud.home), journey.deployment_id) == []


def test_demo_command_says_what_failed_and_where_to_look(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dev.demo", "--target", "openstack", "--home", str(tmp_path)]
    environment = {**os.environ, "OS_CLOUD": "there-is-no-such-cloud"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1
    assert "step 1 failed" in done.stdout
    assert "there-is-no-such-cloud" in done.stdout
    assert str(tmp_path / "logs") in done.stdout
