"""The payment gateways of the local cloud: a simulator each, and what the product is told of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dev.localcloud.ports import HOST, Ports
from dev.simulators.bank import site as bank
from dev.simulators.btcpay import simulator as btcpay
from dev.simulators.oxapay import simulator as oxapay
from dev.simulators.paypal import account as paypal
from dev.simulators.stripe import account as stripe


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


def _account(currency: str, number: str) -> dict[str, str]:
    """Where an account is: an IBAN says all of it; elsewhere a number needs its branch."""
    if number[:2].isalpha():
        return {"iban": number}
    branch = {
        "USD": {"routing_number": "021000021"},
        "CAD": {"institution_number": "004", "transit_number": "12345"},
    }
    return {"account_number": number, **branch.get(currency, {})}


_CHAINS = {"ETH": "ETHEREUM", "BSC": "BSC", "POLYGON": "POLYGON"}
_BANK_NAMES = {"beneficiary": "Hearth Ltd", "bank": "Bank of the Local Cloud"}

GATEWAYS = (
    SimulatedGateway(
        "stripe",
        {"secret_key": stripe.SECRET_KEY, "webhook_secrets": [stripe.WEBHOOK_SECRET]},
        address="api_base",
    ),
    SimulatedGateway(
        "paypal",
        {
            "client_id": paypal.CLIENT_ID,
            "client_secret": paypal.CLIENT_SECRET,
            "webhook_ids": [paypal.WEBHOOK_ID],
        },
        address="api_base",
    ),
    SimulatedGateway(
        "btcpay",
        {
            "store_id": btcpay.STORE_ID,
            "api_key": btcpay.API_KEY,
            "webhook_secret": btcpay.WEBHOOK_SECRET,
            "payment_methods": {
                f"{asset}-{network}": f"{asset}-{chain}"
                for asset in ("USDT", "USDC")
                for network, chain in _CHAINS.items()
            },
        },
        address="base_url",
    ),
    SimulatedGateway("oxapay", {"merchant_api_key": oxapay.MERCHANT_API_KEY}, address="base_url", path="/v1"),
    SimulatedGateway(
        "bank",
        {
            "api_key": bank.API_KEY,
            "webhook_secrets": [bank.WEBHOOK_SECRET],
            "accounts": {
                currency: _BANK_NAMES | _account(currency, number) for currency, number in bank.ACCOUNTS.items()
            },
        },
        address="base_url",
    ),
)


def payment_secret(ports: Ports) -> dict[str, Any]:
    """The payments' secret, as an operator would fill it in."""
    return {
        gateway.name: {**gateway.settings, gateway.address: gateway.url(ports) + gateway.path}
        for gateway in GATEWAYS
    }
