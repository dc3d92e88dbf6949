"""A lab with the simulated PayPal."""

from datetime import datetime

from chalicelib.adapters.gateways.paypal import PayPalConfig, PayPalGateway
from chalicelib.domain.money.top_ups.models import Amount, Method, TopUp, TopUpStatus
from chalicelib.kernel.clock import Clock, SystemClock, later
from chalicelib.kernel.ids import Kind, new_id
from dev.simulators.paypal import CLIENT_ID, CLIENT_SECRET, WEBHOOK_ID, PayPalSimulator
from dev.simulators.paypal.account import Order
from dev.simulators.paypal.bank import Bank
from tests.contract.gateway_lab import Lever
from tests.contract.simulated_lab import SimulatedLab


class PayPalLab(SimulatedLab[PayPalSimulator]):
    """A business account at the simulated PayPal."""

    name = "paypal"
    method = Method.PAYPAL
    deadline_seconds = 6 * 3600
    secrets: tuple[str, ...] = (CLIENT_SECRET,)
    levers = frozenset(
        {
            Lever.DECLINE,
            Lever.DISPUTE,
            Lever.LISTING,
            Lever.PENDING,
            Lever.REFUND,
            Lever.REPEATED_CREATE,
            Lever.SIGNED_TIME,
            Lever.TIMED_WEBHOOKS,
        }
    )

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        super().__init__(PayPalSimulator(clock=self._clock))
        self._config = PayPalConfig.model_validate(
            {
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "webhook_ids": ["7XY12345AB678901C", WEBHOOK_ID],
                "api_base": self.simulator.base_url,
                "webhook_max_age_seconds": 300,
                "read_timeout_seconds": 5,
            }
        )

    @property
    def gateway(self) -> PayPalGateway:
        return PayPalGateway(self._config, self._clock)

    def now(self) -> datetime:
        return self.simulator.now()

    def top_up(self, amount_micros: int = 30_000_000) -> TopUp:
        return top_up_of(self.now(), Amount(amount_micros))

    def pay(self, top_up: TopUp, micros: int | None = None) -> None:
        """Approve the order, and fetch it, as its webhook causes; the fetch captures the payment."""
        assert micros is None, "an order is approved as it is, or not"
        self._bank.approve(self._order(top_up))
        self.gateway.fetch(self._order(top_up).id)

    def begin_paying(self, top_up: TopUp) -> None:
        self._bank.approve(self._order(top_up), capture_status="PENDING", pending_reason="ECHECK")
        self.gateway.fetch(self._order(top_up).id)

    def finish_paying(self, top_up: TopUp) -> None:
        self._bank.settle(self._bank.account.capture_named(top_up.id), paid=True)

    def decline(self, top_up: TopUp) -> None:
        self._bank.approve(self._order(top_up), refusal="INSTRUMENT_DECLINED")

    def dispute(self, top_up: TopUp) -> str:
        return self._bank.dispute(self._bank.account.capture_named(top_up.id), None, "UNAUTHORISED").id

    def rule(self, dispute_id: str, *, won: bool) -> None:
        dispute = self._bank.account.disputes[dispute_id]
        self._bank.resolve(dispute, "RESOLVED_SELLER_FAVOUR" if won else "RESOLVED_BUYER_FAVOUR")

    @property
    def _bank(self) -> Bank:
        return self.simulator.bank

    def _order(self, top_up: TopUp) -> Order:
        """The order that the payer approves; there must be only one."""
        (found,) = (item for item in self._bank.account.orders.values() if item.custom_id == top_up.id)
        return found


def top_up_of(at: datetime, amount: Amount) -> TopUp:
    """A PayPal top-up of a new customer, made `at` that instant."""
    return TopUp(
        id=new_id(Kind.TOP_UP, at),
        customer_id=new_id(Kind.CUSTOMER, at),
        gateway="paypal",
        method=Method.PAYPAL,
        amount=amount,
        status=TopUpStatus.CREATED,
        created_at=at,
        updated_at=at,
        deadline_at=later(at, 6 * 3600),
    )
