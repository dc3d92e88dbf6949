"""`python -m dev.demo`: run a journey against the local cloud; exit status 0 only if every step succeeded."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from dev.demo.checks import StepFailed
from dev.demo.cloud import local_cloud
from dev.demo.journey import Journey
from dev.demo.payments import PaymentsJourney
from dev.demo.screen import Screen, Stopwatch
from dev.demo.team import TeamJourney
from dev.localcloud.home import Home
from dev.localcloud.targets import TargetKind
from tools.package import ROOT

JOURNEYS: Mapping[str, type[Journey] | type[PaymentsJourney] | type[TeamJourney]] = {
    "main": Journey,
    "payments": PaymentsJourney,
    "team": TeamJourney,
}
_HOMES = {TargetKind.SIMULATOR: ROOT / ".local", TargetKind.OPENSTACK: ROOT / ".local" / "openstack-demo"}


def demonstrate(name: str, home: Home, target: TargetKind, screen: Screen) -> bool:
    """Run a journey; return whether every step succeeded."""
    watch = Stopwatch()
    screen.headline(f"Hearth · the {name} journey on {_DESCRIPTIONS[target]}")
    try:
        with local_cloud(home, target, screen) as endpoints:
            JOURNEYS[name](screen, endpoints, home).run()
    except StepFailed as failed:
        screen.failure(failed.wanted, str(failed.got), [f"logs    {log}" for log in _logs(home)])
        return False
    screen.success(f"Every step held, in {watch.seconds:.0f} s.")
    return True


_DESCRIPTIONS = {
    TargetKind.SIMULATOR: "a simulated OpenStack region",
    TargetKind.OPENSTACK: "the OpenStack that OS_CLOUD names",
}


def _logs(home: Home) -> list[Path]:
    return sorted(home.log("").parent.glob("*.log"))


def main() -> int:
    """Run the command of the arguments."""
    parser = argparse.ArgumentParser(prog="python -m dev.demo", description=__doc__)
    parser.add_argument("--journey", choices=JOURNEYS, default="main")
    parser.add_argument("--target", type=TargetKind, choices=list(TargetKind), default=TargetKind.SIMULATOR)
    parser.add_argument("--home", type=Path, help="the cloud's folder; each folder is an installation of its own")
    options = parser.parse_args()
    home = Home((options.home or _HOMES[options.target]).resolve())
    try:
        return 0 if demonstrate(options.journey, home, options.target, Screen()) else 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
