"""`python -m dev.simulators.openstack`: runs the simulated OpenStack as a separate process."""

from pathlib import Path

from dev.simulators.openstack.config import DEFAULT_CONFIG, load_config
from dev.simulators.openstack.simulator import OpenStackSimulator
from dev.simulators.process import options_of, run


def main() -> None:
    """Run the simulator with the options of the command line."""
    parser = options_of("openstack")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="what the cloud is made of")
    parser.add_argument("--speed", type=float, help="lifecycle seconds per real second")
    options = parser.parse_args()
    simulator = OpenStackSimulator(
        load_config(options.config), port=options.port, speed=options.speed, state_path=options.state
    )
    run(simulator, simulator.auth_url)


if __name__ == "__main__":
    main()
