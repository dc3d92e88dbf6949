"""The simulated OpenStack as one object: tests run it in their process, developers as a separate one."""

from collections.abc import Iterable
from pathlib import Path

from dev.simulators.control import Route
from dev.simulators.faults import RequestFault
from dev.simulators.http import Disconnect, Json, Request, Response
from dev.simulators.openstack import control
from dev.simulators.openstack.app import Router
from dev.simulators.openstack.cloud import Cloud, load_state
from dev.simulators.openstack.config import Config, load_config
from dev.simulators.openstack.stack_faults import StackFault, TokenFault
from dev.simulators.simulator import Simulator


class OpenStackSimulator(Simulator):
    """Regions with Keystone, Heat, Nova, Neutron, Glance, Cinder and Placement, on one loopback port.

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
        """Prepare the simulator; `start` starts it.

        Args:
            config: the configuration of the cloud; by default `region.yaml`.
            port: the port to listen on; 0 takes a free port.
            speed: lifecycle seconds per real second; by default the saved or the configured speed.
            state_path: the file in which the state outlives the process; by default none.
        """
        kinds = {*RequestFault, *StackFault, *TokenFault}
        super().__init__("openstack", kinds, port=port, state_path=state_path)
        config = config or load_config()
        saved = load_state(state_path, config) if state_path else None
        self.cloud = Cloud(config, self.base_url, self.faults, saved)
        if speed is not None:
            self.cloud.set_speed(speed)
        self._router = Router(self.cloud)
        self._answered = 0
        self._answered_when_saved = -1

    @property
    def auth_url(self) -> str:
        """Keystone's URL."""
        return f"{self.base_url}/identity/v3"

    def routes(self) -> Iterable[Route]:
        """The control commands about the cloud."""
        return control.routes(self.cloud)

    def answer(self, request: Request) -> Response | Disconnect:
        """Answer a request to one of the services, subject to the injected faults."""
        routed = self._router.locate(request)
        if routed is None:
            return Response(404, {"error": {"code": 404, "message": "no such service", "title": "Not Found"}})
        return self.exchanged(
            request,
            routed.occasion,
            lambda: self._router.serve(routed),
            routed.refuse,
            lambda: self._router.note(routed),
        )

    def snapshot(self) -> str:
        """The regions and the lifecycle time, as JSON."""
        return self.cloud.snapshot().model_dump_json()

    def show(self) -> Json:
        """Stacks, servers, ports, volumes and floating IPs, by region and project."""
        return control.shown(self.cloud)

    def forget(self) -> None:
        """Return to an unused cloud."""
        self.cloud.reset()

    def beat(self) -> None:
        """Save, unless there was no request: lifecycles only advance when a request arrives."""
        if self._answered_when_saved != self._answered:
            self._answered_when_saved = self._answered
            super().beat()

    def _answer(self, request: Request) -> Response | Disconnect:
        with self.lock:
            self.cloud.advance()
        answer = super()._answer(request)
        with self.lock:
            self._answered += 1
        return answer
