"""Labs with the simulated BTCPay Server and the simulated OxaPay."""

from abc import abstractmethod
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from pydantic import AnyHttpUrl, SecretStr

from chalicelib.adapters.gateways.btcpay import BTCPayConfig, BTCPayGateway
from chalicelib.adapters.gateways.oxapay import OxaPayConfig, OxaPayGateway
from chalicelib.domain.money.top_ups.models import Method, TopUp
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.money import decimal_amount
from dev.simulators.btcpay import BTCPaySimulator
from dev.simulators.btcpay.simulator import API_KEY, STORE_ID, WEBHOOK_SECRET
from dev.simulators.crypto.book import HostedInvoice
from dev.simulators.crypto.simulator import CryptoSimulator
from dev.simulators.oxapay import OxaPaySimulator
from dev.simulators.oxapay.simulator import MERCHANT_API_KEY
from tests.contract.gateway_lab import Lever
from tests.contract.simulated_lab import SimulatedLab

READ_TIMEOUT_SECONDS = 1.0


class CryptoLab(SimulatedLab[CryptoSimulator]):
    """A simulator of hosted invoices, and its adapter."""

    method = Method.CRYPTO
    deadline_seconds = 3600
    levers: frozenset[Lever] = frozenset(
        {Lever.PENDING, Lever.PARTIAL, Lever.EXPIRY, Lever.LISTING, Lever.SEARCH, Lever.TIMED_WEBHOOKS}
    )

    @property
    @abstractmethod
    def gateway(self) -> BTCPayGateway | OxaPayGateway: ...

    def now(self) -> datetime:
        return self.simulator.now()

    def top_up(self, amount_micros: int = 25_000_000, *, asset: str = "USDT", network: str = "POLYGON") -> TopUp:
        return replace(super().top_up(amount_micros), asset=asset, network=network)

    def pay(self, top_up: TopUp, micros: int | None = None) -> None:
        amount = None if micros is None else Decimal(decimal_amount(micros))
        self.simulator.pay(self.invoice(top_up), amount)

    def begin_paying(self, top_up: TopUp) -> None:
        self.simulator.pay(self.invoice(top_up), confirm=False)

    def finish_paying(self, top_up: TopUp) -> None:
        self.simulator.confirm(self.invoice(top_up))

    def expire(self, top_up: TopUp) -> None:
        """Advance the chain's clock, because vendors report times in whole seconds."""
        self.simulator.expire(self.invoice(top_up))
        self.simulator.advance(2)

    def invoice(self, top_up: TopUp) -> HostedInvoice:
        """The simulator's invoice for a top-up."""
        found = self.simulator.book.find(top_up.id)
        assert found is not None
        return found


class BTCPayLab(CryptoLab):
    """A store with a payment method for every asset on every network."""

    name = "btcpay"
    secrets: tuple[str, ...] = (API_KEY, WEBHOOK_SECRET)
    levers = CryptoLab.levers | {Lever.REPEATED_CREATE}

    def __init__(self, clock: Clock | None = None, *, rate: Decimal = Decimal(1)) -> None:
        super().__init__(BTCPaySimulator(clock=clock, rate=rate))
        chains = {"ETH": "ETHEREUM", "BSC": "BSC", "POLYGON": "POLYGON"}
        self.config = BTCPayConfig(
            base_url=AnyHttpUrl(self.simulator.base_url),
            store_id=STORE_ID,
            api_key=SecretStr(API_KEY),
            webhook_secret=SecretStr(WEBHOOK_SECRET),
            payment_methods={
                f"{asset}-{network}": f"{asset}-{chain}"
                for asset in ("USDT", "USDC")
                for network, chain in chains.items()
            },
            read_timeout_seconds=READ_TIMEOUT_SECONDS,
        )

    @property
    def gateway(self) -> BTCPayGateway:
        return BTCPayGateway(self.config)


class OxaPayLab(CryptoLab):
    """A merchant; its lists have short pages, so that every test reads several."""

    name = "oxapay"
    secrets: tuple[str, ...] = (MERCHANT_API_KEY,)

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(OxaPaySimulator(page_items_limit=3, clock=clock))
        self.config = OxaPayConfig(
            base_url=AnyHttpUrl(f"{self.simulator.base_url}/v1"),
            merchant_api_key=SecretStr(MERCHANT_API_KEY),
            callback_url=AnyHttpUrl("https://webhooks.example.net/oxapay"),
            read_timeout_seconds=READ_TIMEOUT_SECONDS,
        )

    @property
    def gateway(self) -> OxaPayGateway:
        return OxaPayGateway(self.config)
