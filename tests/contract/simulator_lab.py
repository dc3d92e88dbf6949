"""A lab with the simulated OpenStack: a region, started inside the test run."""

import json
from collections.abc import Callable
from urllib.request import Request, urlopen

from dev.simulators.openstack import OpenStackSimulator
from dev.simulators.openstack.config import load_config
from tests.contract import lab
from tests.contract.openstack_lab import OpenStackLab, specs

LEVERS = frozenset({lab.PLACEMENTS, lab.QUOTA, lab.REVOCATION, lab.BLOCKING, lab.CAPACITY})

_REGION_NAME = "montreal"
_SPEED = 20.0
"""Simulated seconds per second: a stack takes a third of a second, so tests can still see its states."""

_TOKEN_CACHE_SECONDS = 0.2


class SimulatorLab(OpenStackLab):
    """The simulator's first region, with Hearth's two projects."""

    poll_seconds = 0.02
    patience_seconds = 30.0

    def __init__(self) -> None:
        config = load_config().model_copy(update={"token_cache_seconds": _TOKEN_CACHE_SECONDS})
        self.simulator = OpenStackSimulator(config, speed=_SPEED)
        self.simulator.start()
        super().__init__(
            region={
                "auth_url": self.simulator.auth_url,
                "region_name": _REGION_NAME,
                "network": "tenant",
                "public_network": "public",
            },
            projects=[
                {"name": name, "username": "hearth", "password": "hearthpass"} for name in ("hearth-1", "hearth-2")
            ],
            machine_specs=specs("cpu-small", "tiny", "gpu-h100", "CUSTOM_GPU_H100"),
            admin={"name": "admin", "username": "admin", "password": "adminpass"},
        )

    def without_quota(self, placement: str) -> Callable[[], None]:
        self._set_instances(placement, 0)
        return lambda: self._set_instances(placement, -1)

    def close(self) -> None:
        super().close()
        self.simulator.stop()

    def _set_instances(self, placement: str, count: int) -> None:
        change = {"region": _REGION_NAME, "project": placement, "quota": {"instances": count}}
        request = Request(f"{self.simulator.control_url}/quota", json.dumps(change).encode(), method="POST")
        with urlopen(request, timeout=10) as answer:
            assert answer.status == 200
