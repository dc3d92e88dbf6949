"""Runs a simulator as a separate process."""

import argparse
import signal
import threading
from pathlib import Path
from typing import Protocol

from dev.simulators.simulator import PaymentSimulator, Simulator


class Maker(Protocol):
    """A simulator's class."""

    def __call__(self, *, port: int, state_path: Path | None, webhook_url: str) -> PaymentSimulator:
        """A new simulator, not started yet."""
        ...


def options_of(name: str) -> argparse.ArgumentParser:
    """The options that every simulator takes."""
    parser = argparse.ArgumentParser(prog=f"python -m dev.simulators.{name}")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--state", type=Path, help="file in which the state outlives the process")
    return parser


def serve(name: str, make: Maker) -> None:
    """Run a payment simulator with the options of the command line."""
    parser = options_of(name)
    parser.add_argument("--webhook-url", default="", help="where webhooks go; without it they are only kept")
    options = parser.parse_args()
    simulator = make(port=options.port, state_path=options.state, webhook_url=options.webhook_url)
    run(simulator, simulator.base_url)


def run(simulator: Simulator, address: str) -> None:
    """Print the `address`, serve until SIGTERM or SIGINT, then save the state."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    simulator.start()
    print(f"{simulator.name}: {address}  control: {simulator.control_url}", flush=True)
    stopped.wait()
    simulator.stop()
