"""A lab with the simulated bank."""

from datetime import datetime

from pydantic import AnyHttpUrl, SecretStr

from chalicelib.adapters.gateways.bank import BankConfig, BankGateway
from chalicelib.adapters.gateways.bank.config import AccountConfig
from chalicelib.domain.money.bank_references.models import reference_of
from chalicelib.domain.money.top_ups.models import Method, TopUp
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.money import decimal_amount
from dev.simulators.bank import BankSimulator
from dev.simulators.bank.site import ACCOUNTS, API_KEY, WEBHOOK_SECRET
from dev.simulators.bank.state import Order
from tests.contract.gateway_lab import Lever
from tests.contract.simulated_lab import SimulatedLab


class BankLab(SimulatedLab[BankSimulator]):
    """Accounts in dollars and pounds; its lists have short pages, so that every test reads several."""

    name = "bank"
    method = Method.BANK_TRANSFER
    deadline_seconds = 14 * 86_400
    secrets: tuple[str, ...] = (API_KEY, WEBHOOK_SECRET)
    levers = frozenset(
        {
            Lever.LISTING,
            Lever.PARTIAL,
            Lever.PENDING,
            Lever.REFUND,
            Lever.REPEATED_CREATE,
            Lever.SIGNED_TIME,
            Lever.TIMED_WEBHOOKS,
            Lever.UNASKED,
        }
    )

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(BankSimulator(page_size=3, clock=clock))
        self.config = BankConfig(
            accounts={
                "USD": AccountConfig(
                    beneficiary="Hearth Inc.",
                    bank="A Bank",
                    account_number=ACCOUNTS["USD"],
                    routing_number="021000021",
                ),
                "GBP": AccountConfig(beneficiary="Hearth Ltd", bank="A Bank", iban=ACCOUNTS["GBP"]),
            },
            base_url=AnyHttpUrl(self.simulator.base_url),
            api_key=SecretStr(API_KEY),
            webhook_secrets=(SecretStr(WEBHOOK_SECRET),),
            read_timeout_seconds=1,
        )

    @property
    def gateway(self) -> BankGateway:
        return BankGateway(self.config)

    def now(self) -> datetime:
        return self.simulator.clock.now()

    def pay(self, top_up: TopUp, micros: int | None = None) -> None:
        self.simulator.pay(self.order(top_up, micros))

    def begin_paying(self, top_up: TopUp) -> None:
        self.simulator.pay(self.order(top_up, is_booked=False))

    def finish_paying(self, top_up: TopUp) -> None:
        reference = self.order(top_up).text
        for transfer in list(self.simulator.state.transfers.values()):
            if transfer.text == reference:
                self.simulator.book(transfer.id)

    def order(self, top_up: TopUp, micros: int | None = None, *, is_booked: bool = True) -> Order:
        """Order the transfer for a top-up at the payer's bank."""
        amount = decimal_amount(top_up.amount.micros if micros is None else micros)
        reference = reference_of(top_up.id, top_up.amount.currency)
        return Order(f"Top-up {reference}", amount, top_up.amount.currency, is_booked=is_booked)

    def names(self, top_up: TopUp) -> set[str]:
        return {reference_of(top_up.id, top_up.amount.currency)}
