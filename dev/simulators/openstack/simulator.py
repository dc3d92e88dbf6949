"""The simulated OpenStack as one object: for tests in their process, for developers in its own."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from dev.simulators.faults import Fault, FaultMatch
from dev.simulators.http import Disconnect, LoopbackServer, Request, Response
from dev.simulators.openstack import control
from dev.simulators.openstack.app import Door
from dev.simulators.openstack.cloud import Cloud, load_state, save_state
from dev.simulators.openstack.config import Config, load_config

SAVE_INTERVAL_SECONDS: Final = 3.0


class OpenStackSimulator:
    """Regions that speak Keystone, Heat, Nova, Neutron, Glance, Cinder and Placement on one loopback port.

    As a context manager it starts and stops itself:

        with OpenStackSimulator(speed=20) as simulator:
            openstack.connect(auth_url=simulator.auth_url, …)
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        port: int = 0,
        speed: float | None = None,
        state_path: Path | None = None,
    ) -> None:
        """Make it ready to start.

        Args:
            config: what the cloud is made of; by default `region.yaml`.
            port: where to listen; 0 takes a free port.
            speed: lifecycle seconds per real second; by default the saved or the configured ones.
            state_path: the file in which the state outlives the process; by default none.
        """
        self._config = config or load_config()
        self._state_path = state_path
        saved = load_state(state_path, self._config) if state_path else None
        self._server = LoopbackServer(self._answer, port)
        self.base_url = self._server.base_url
        self.cloud = Cloud(self._config, self.base_url, saved)
        if speed is not None:
            self.cloud.set_speed(speed)
        self._door = Door(self.cloud)
        self._control = control.Control(self._door)
        self._saver = threading.Thread(target=self._save_now_and_then, name="simulator-state", daemon=True)
        self._saved_at = -1

    @property
    def auth_url(self) -> str:
        """Keystone's address."""
        return f"{self.base_url}/identity/v3"

    @property
    def control_url(self) -> str:
        """The control API's address."""
        return f"{self.base_url}{control.PREFIX}"

    def start(self) -> str:
        """Serve from background threads; gives the base URL."""
        self._server.start()
        if self._state_path:
            self._saver.start()
        return self.base_url

    def stop(self) -> None:
        """Stop serving, cut off answers that are being held back, and save the state."""
        self._door.stopping.set()
        self._server.stop()
        if self._saver.is_alive():
            self._saver.join()
        self._save()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def inject(self, kind: str, match: FaultMatch | None = None, **options: int | float | None) -> Fault:
        """Put a fault on the board; `options` are the other fields of `Fault`."""
        return self.cloud.faults.add(
            Fault.model_validate({"kind": kind, "match": match or FaultMatch(), **options})
        )

    def _answer(self, request: Request) -> Response | Disconnect:
        if request.path.startswith(f"{control.PREFIX}/"):
            return self._control.answer(request)
        return self._door.answer(request)

    def _save_now_and_then(self) -> None:
        while not self._door.stopping.wait(SAVE_INTERVAL_SECONDS):
            # Nothing changes but by requests: time itself is only looked at when one comes.
            if self._door.served != self._saved_at:
                self._save()

    def _save(self) -> None:
        if self._state_path is None:
            return
        with self._door.lock:
            self._saved_at = self._door.served
            text = self.cloud.snapshot().model_dump_json()
        save_state(self._state_path, text)
