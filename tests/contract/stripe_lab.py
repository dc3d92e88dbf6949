"""A lab with the simulated Stripe."""

from datetime import UTC, datetime

from chalicelib.adapters.gateways.stripe.config import StripeConfig
from chalicelib.adapters.gateways.stripe.gateway import StripeGateway
from chalicelib.domain.money.top_ups.models import Method, TopUp
from chalicelib.kernel.clock import SystemClock
from dev.simulators.stripe import StripeSimulator
from dev.simulators.stripe.account import SECRET_KEY, WEBHOOK_SECRET
from dev.simulators.stripe.cards import DECLINED_CARD, GOOD_CARD
from dev.simulators.stripe.simulator import sign
from dev.simulators.stripe.wire import Refusal
from tests.contract.gateway_lab import Delivery, Lever
from tests.contract.simulated_lab import SimulatedLab


class StripeLab(SimulatedLab[StripeSimulator]):
    """A Stripe account. Customers pay in our front end or, with `hosted_page`, on Stripe's page."""

    name = "stripe"
    method = Method.CARD
    deadline_seconds = 2 * 3600
    secrets: tuple[str, ...] = (SECRET_KEY, WEBHOOK_SECRET)
    levers = frozenset(
        {
            Lever.DECLINE,
            Lever.DISPUTE,
            Lever.LISTING,
            Lever.REFUND,
            Lever.REPEATED_CREATE,
            Lever.SAVING,
            Lever.SEARCH,
            Lever.SIGNED_TIME,
            Lever.TIMED_WEBHOOKS,
        }
    )

    def __init__(self, *, hosted_page: bool = False) -> None:
        super().__init__(StripeSimulator())
        self._hosted_page = hosted_page
        self._config = StripeConfig.model_validate(
            {
                "secret_key": SECRET_KEY,
                "webhook_secrets": [WEBHOOK_SECRET],
                "api_base": self.simulator.base_url,
                "hosted_page": hosted_page,
                "read_timeout_seconds": 5,
                "retries": 0,
            }
        )

    @property
    def gateway(self) -> StripeGateway:
        return StripeGateway(self._config, SystemClock())

    def now(self) -> datetime:
        return datetime.now(UTC)

    def pay(self, top_up: TopUp, micros: int | None = None) -> None:
        assert micros is None, "a card is charged what was asked, or nothing"
        self.simulator.pay(self._object(top_up), GOOD_CARD)

    def decline(self, top_up: TopUp) -> None:
        try:
            self.simulator.pay(self._object(top_up), DECLINED_CARD)
        except Refusal as refusal:
            if refusal.status != 402:
                raise
        else:
            raise AssertionError("the card was not declined")

    def expire(self, top_up: TopUp) -> None:
        self.simulator.router.sessions.expire(self._object(top_up))

    def dispute(self, top_up: TopUp) -> str:
        intent = self.simulator.intent_id(self._object(top_up))
        return str(self.simulator.router.money_back.dispute(intent, None, "needs_response")["id"])

    def rule(self, dispute_id: str, *, won: bool) -> None:
        self.simulator.router.money_back.set_dispute(dispute_id, "won" if won else "lost")

    def save(self, provider_id: str, *, declines: bool = False) -> None:
        self.simulator.router.cards.save(provider_id, DECLINED_CARD if declines else GOOD_CARD)

    def names(self, top_up: TopUp) -> set[str]:
        """The ids in webhooks: an event of a dispute names only the charge and the intent."""
        return {provider_id for provider_id, owner in self.objects() if owner == top_up.id}

    def signed(self, raw_body: bytes, at: datetime | None = None) -> Delivery:
        """A webhook of Stripe with this body, signed at `at`; by default at the time in the body."""
        headers = sign(raw_body, timestamp=int((at or self.now()).timestamp()))
        return Delivery(raw_body, {name.lower(): value for name, value in headers.items()})

    def objects(self) -> list[tuple[str, str]]:
        """The ids of sessions and payment intents, with the top-ups that they are for."""
        made = [
            *self.simulator.account.state.sessions.values(),
            *self.simulator.account.backend.list("payment_intents"),
        ]
        return [(item["id"], item["metadata"].get("top_up_id", "")) for item in made]

    def _object(self, top_up: TopUp) -> str:
        """The object that the payer pays; there must be only one. On the hosted page, paying makes its intent."""
        wanted = "cs_" if self._hosted_page else "pi_"
        (found,) = (item for item, owner in self.objects() if owner == top_up.id and item.startswith(wanted))
        return found


class HostedStripeLab(StripeLab):
    """A Stripe account whose customers pay on Stripe's page."""

    levers = StripeLab.levers | {Lever.EXPIRY}

    def __init__(self) -> None:
        super().__init__(hosted_page=True)
