"""`python -m dev.simulators.bank`: the simulated bank as a process of its own."""

import argparse
import signal
import threading
from pathlib import Path

from dev.simulators.bank.simulator import BankSimulator


def main() -> None:
    """Serve until SIGTERM or SIGINT, then save the state."""
    parser = argparse.ArgumentParser(prog="python -m dev.simulators.bank", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--state", type=Path, help="file in which the state outlives the process")
    parser.add_argument("--webhook-url", default="", help="where webhooks go; by default they are only kept")
    options = parser.parse_args()

    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    simulator = BankSimulator(port=options.port, state_path=options.state, webhook_url=options.webhook_url)
    simulator.start()
    print(f"bank: {simulator.base_url}  control: {simulator.control_url}", flush=True)
    stopped.wait()
    simulator.stop()


if __name__ == "__main__":
    main()
