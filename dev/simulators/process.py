"""A simulated service as a process of its own."""

import argparse
import signal
import threading
from pathlib import Path
from typing import Protocol


class Simulator(Protocol):
    """A payment service on a port of its own."""

    @property
    def base_url(self) -> str:
        """Where it serves the vendor's API."""
        ...

    @property
    def control_url(self) -> str:
        """Where it is told what payers and others do."""
        ...

    def start(self) -> object:
        """Begin to serve."""
        ...

    def stop(self) -> object:
        """Save the state, and serve no more."""
        ...


class Maker(Protocol):
    """A simulator's class."""

    def __call__(self, *, port: int, state_path: Path | None, webhook_url: str) -> Simulator:
        """A simulator that is ready to start."""
        ...


def serve(name: str, make: Maker) -> None:
    """Serve until SIGTERM or SIGINT, then save the state."""
    parser = argparse.ArgumentParser(prog=f"python -m dev.simulators.{name}")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--state", type=Path, help="file in which the state outlives the process")
    parser.add_argument("--webhook-url", default="", help="where webhooks go; without it they are only kept")
    options = parser.parse_args()

    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    simulator = make(port=options.port, state_path=options.state, webhook_url=options.webhook_url)
    simulator.start()
    print(f"{name}: {simulator.base_url}  control: {simulator.control_url}", flush=True)
    stopped.wait()
    simulator.stop()
