"""`python -m dev.localcloud up|down|status|watch`."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from dev.localcloud import deploy, processes
from dev.localcloud.home import Home, read_json, write_json
from dev.localcloud.processes import Process
from dev.localcloud.stacks import DeploymentFailed
from dev.localcloud.supervisor import CloudFailed, Options, Supervisor, deployed_addresses
from dev.localcloud.targets import NoSuchCloud, TargetKind, saved_target
from tools.finalise import SharedFunction
from tools.package import PackagingFailed
from tools.template.budgets import BudgetExceeded

_READY_SECONDS = 180.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.1
_LOG_TAIL_BYTES = 4_000

Failures = (CloudFailed, NoSuchCloud, DeploymentFailed, PackagingFailed, BudgetExceeded, SharedFunction)


def running(home: Home) -> Process | None:
    """The supervisor process of the cloud of `home`, if it runs."""
    recorded = read_json(home.processes)
    if not recorded:
        return None
    supervisor = Process(**recorded["supervisor"])
    return supervisor if supervisor.alive() else None


def up(home: Home, options: Options, *, foreground: bool) -> None:
    """Start the cloud, or deploy the working tree into the running one."""
    home.prepare()
    if running(home):
        _refresh(home, options.source)
    elif foreground:
        _stop_leftovers(home)
        print("Starting the local cloud; Ctrl-C stops it.")
        Supervisor(home, options).run()
    else:
        _stop_leftovers(home)
        _start_in_background(home, options)
        print(_summary(home))


def down(home: Home) -> None:
    """Stop the cloud; its state stays."""
    supervisor = running(home)
    if supervisor:
        processes.stop(supervisor, _STOP_SECONDS)
    _stop_leftovers(home)
    print("The local cloud is down; `make up` brings it back as it was.")


def watch(home: Home, source: deploy.Source) -> None:
    """Deploy every edit into the running cloud until Ctrl-C."""
    from watchfiles import PythonFilter
    from watchfiles import watch as changes

    class OurFilter(PythonFilter):
        """Selects Python files, and the other files that are packaged."""

        def __init__(self) -> None:
            super().__init__(extra_extensions=(".json", ".yaml", ".txt", ".html", ".j2"))

    _refresh(home, source)
    print("Watching; Ctrl-C ends.")
    for _ in changes(*source.watched(), watch_filter=OurFilter(), raise_interrupt=False):
        try:
            _refresh(home, source)
        except Failures as error:
            print(error, file=sys.stderr)


def _refresh(home: Home, source: deploy.Source) -> None:
    endpoints = read_json(home.endpoints)
    if not endpoints:
        raise CloudFailed("the local cloud is not ready yet; `make up` again in a moment")
    seconds = deploy.bring_in(home, source, endpoints["aws"]["endpoint"], saved_target(home))
    write_json(home.endpoints, endpoints | deployed_addresses(home, endpoints["api"].removesuffix("/api")))
    print("Nothing has changed." if seconds is None else f"Brought in in {seconds:.1f} s.")


def _start_in_background(home: Home, options: Options) -> None:
    command = [sys.executable, "-m", "dev.localcloud", "--home", str(home.folder), "up", "--foreground"]
    command += ["--speed", str(options.speed), "--wait-scale", str(options.wait_scale)]
    command += ["--project", str(options.source.project), "--target", options.target]
    command += ["--bare"] if options.is_bare else []
    log = home.log("supervisor")
    began_at = log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        supervisor = subprocess.Popen(
            command,
            cwd=deploy.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + _READY_SECONDS
    while not home.endpoints.exists():
        if supervisor.poll() is not None or time.monotonic() > deadline:
            with log.open("rb") as reading:
                reading.seek(max(began_at, log.stat().st_size - _LOG_TAIL_BYTES))
                raise CloudFailed(reading.read().decode(errors="replace").strip())
        time.sleep(_POLL_SECONDS)


def _stop_leftovers(home: Home) -> None:
    """End the children of a supervisor that was killed: only processes with their ids and start times."""
    recorded: dict[str, Any] = read_json(home.processes) or {}
    for process in recorded.values():
        processes.stop(Process(**process), _STOP_SECONDS)
    home.processes.unlink(missing_ok=True)
    home.endpoints.unlink(missing_ok=True)


def _summary(home: Home) -> str:
    endpoints = read_json(home.endpoints)
    if not endpoints:
        return "The local cloud is down."
    return "\n".join(
        [
            f"  API       {endpoints['api']}",
            f"  mailbox   {endpoints['mailbox']}",
            f"  control   {endpoints['control']}",
            f"  all       {home.endpoints}",
        ]
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dev.localcloud", description=__doc__)
    parser.add_argument("--home", type=Path, default=deploy.ROOT / ".local")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up", help=up.__doc__)
    starting.add_argument("--foreground", action="store_true")
    starting.add_argument("--bare", action="store_true", help="deploy nothing; a second `up` deploys")
    starting.add_argument("--speed", type=float, default=1.0, help="the speed of the simulators")
    starting.add_argument("--wait-scale", type=float, default=float(os.environ.get("SFN_WAIT_SCALE", "1")))
    starting.add_argument("--target", type=TargetKind, default=TargetKind.SIMULATOR, choices=list(TargetKind))
    watching = commands.add_parser("watch", help=watch.__doc__)
    for command in (starting, watching):
        command.add_argument("--project", type=Path, default=deploy.ROOT)
    commands.add_parser("down", help=down.__doc__)
    commands.add_parser("status", help="Print the addresses of all services as JSON.")
    return parser


def main() -> None:
    """Run the command of the arguments."""
    options = _parser().parse_args()
    home = Home(options.home.resolve())
    try:
        match options.command:
            case "up":
                source = deploy.Source(options.project.resolve())
                chosen = Options(options.speed, options.wait_scale, source, options.target, options.bare)
                up(home, chosen, foreground=options.foreground)
            case "down":
                down(home)
            case "watch":
                watch(home, deploy.Source(options.project.resolve()))
            case _:
                print(json.dumps(read_json(home.endpoints), indent=2))
    except Failures as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
