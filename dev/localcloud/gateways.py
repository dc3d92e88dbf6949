"""The payment gateways of the local cloud: a simulator each, and what the product is told of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dev.localcloud.ports import HOST, Ports
from dev.simulators.stripe.account import SECRET_KEY, WEBHOOK_SECRET


@dataclass(frozen=True)
class SimulatedGateway:
    """One simulator: a module that takes `--port`, `--state` and `--webhook-url`."""

    name: str
    """Of its port, its log, its part of the secret and its webhook."""
    settings: Mapping[str, Any]
    """Its part of the payments' secret, beside its address."""
    address: str
    """The setting that holds its address."""
    path: str = ""
    """What follows the host and port there."""

    @property
    def module(self) -> str:
        """What is run."""
        return f"dev.simulators.{self.name}"

    def url(self, ports: Ports) -> str:
        """Where it listens."""
        return f"http://{HOST}:{getattr(ports, self.name)}"

    def arguments(self, ports: Ports, state: str) -> list[str]:
        """How it is started."""
        webhook = f"http://{HOST}:{ports.api}/webhooks/{self.name}"
        return [
            *("-m", self.module),
            *("--port", str(getattr(ports, self.name))),
            *("--state", state),
            *("--webhook-url", webhook),
        ]


GATEWAYS = (
    SimulatedGateway(
        "stripe",
        {"secret_key": SECRET_KEY, "webhook_secrets": [WEBHOOK_SECRET]},
        address="api_base",
    ),
)


def payment_secret(ports: Ports) -> dict[str, Any]:
    """The payments' secret, as an operator would fill it in."""
    return {
        gateway.name: {**gateway.settings, gateway.address: gateway.url(ports) + gateway.path}
        for gateway in GATEWAYS
    }
