"""`python -m dev.simulators.openstack`: the simulated OpenStack as a process of its own."""

import argparse
import signal
import threading
from pathlib import Path

from dev.simulators.openstack.config import DEFAULT_CONFIG, load_config
from dev.simulators.openstack.simulator import OpenStackSimulator


def main() -> None:
    """Serve until SIGTERM or SIGINT, then save the state."""
    parser = argparse.ArgumentParser(prog="python -m dev.simulators.openstack", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--state", type=Path, help="file in which the state outlives the process")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="what the cloud is made of")
    parser.add_argument("--speed", type=float, help="lifecycle seconds per real second")
    options = parser.parse_args()

    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    simulator = OpenStackSimulator(
        load_config(options.config), port=options.port, speed=options.speed, state_path=options.state
    )
    simulator.start()
    print(f"OpenStack: {simulator.auth_url}  control: {simulator.control_url}", flush=True)
    stopped.wait()
    simulator.stop()


if __name__ == "__main__":
    main()
