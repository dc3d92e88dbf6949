"""The payment gateways of the local cloud: their simulators, and the product's secret about them."""

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
    """The name of its port, its log, its part of the secret and its webhook."""
    settings: Mapping[str, Any]
    """Its part of the payments' secret, without its address."""
    address: str
    """The name of the setting with its address."""
    path: str = ""
    """The path in that address, after host and port."""

    @property
    def module(self) -> str:
        """The module to run."""
        return f"dev.simulators.{self.name}"

    def url(self, ports: Ports) -> str:
        """The address at which it listens."""
        return f"http://{HOST}:{getattr(ports, self.name)}"

    def arguments(self, ports: Ports, state: str) -> list[str]:
        """The arguments of the module."""
        webhook = f"http://{HOST}:{ports.api}/webhooks/{self.name}"
        return [
            *("-m", self.module),
            *("--port", str(getattr(ports, self.name))),
            *("--state", state),
            *("--webhook-url", webhook),
        ]


def _account(currency: str, number: str) -> dict[str, str]:
    """The details of an account: an IBAN is complete, other numbers need a branch."""
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
    """The payments' secret, in the form that an operator fills in."""
    return {
        gateway.name: {**gateway.settings, gateway.address: gateway.url(ports) + gateway.path}
        for gateway in GATEWAYS
    }
