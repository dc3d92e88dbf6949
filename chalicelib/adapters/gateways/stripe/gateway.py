"""Stripe as a payment gateway. `states` interprets its objects; `failures` interprets its errors."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from chalicelib.adapters.gateways.stripe import states
from chalicelib.adapters.gateways.stripe.amounts import to_minor_units
from chalicelib.adapters.gateways.stripe.config import StripeConfig
from chalicelib.adapters.gateways.stripe.connection import connect
from chalicelib.adapters.gateways.stripe.customers import stripe_customer
from chalicelib.adapters.gateways.stripe.failures import gateway_errors
from chalicelib.adapters.gateways.stripe.params import charge_params, checkout_of, intent_params, session_params
from chalicelib.adapters.gateways.stripe.states import CUSTOMER_ID, REFUND_KEY, TOP_UP_ID
from chalicelib.adapters.gateways.stripe.webhooks import SIGNATURE_HEADER, notice_of, verify_signature
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Checkout,
    GatewayError,
    GatewayRefused,
    Notice,
    PaymentMethod,
    PaymentState,
    Refund,
    TopUp,
)
from chalicelib.kernel.clock import Clock, epoch_seconds

if TYPE_CHECKING:
    from stripe import StripeClient

Json = dict[str, Any]

_KEYS_TRUSTED_FOR: Final = timedelta(hours=12)
"""Stripe forgets an idempotency key after 24 hours; from half of that on, an existing object is searched first."""
_PAGE: Final = 100
_MAX_CLOCK_SKEW: Final = timedelta(minutes=5)


class StripeGateway:
    """Cards through Stripe: paid in our front end or on Stripe's page, saved, charged off session, refunded,
    disputed.

    A top-up's `provider_id` is its PaymentIntent, or its Checkout Session if customers pay on Stripe's page. A
    session has a PaymentIntent of its own, which is named by the events of its charge, refunds and disputes.
    `fetch` accepts both ids, and `reference_of` tells the top-up of a PaymentIntent.
    """

    name = "stripe"

    def __init__(self, config: StripeConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock

    @cached_property
    def _client(self) -> "StripeClient":
        return connect(self._config)

    # Top-ups

    def create(self, top_up: TopUp, *, return_url: str) -> Checkout:
        """Create the PaymentIntent, or the Checkout Session, of a top-up.

        Stripe's idempotency key makes a repetition return the same object. When the key may be forgotten, the
        object is searched first.
        """
        to_minor_units(top_up.amount)
        with gateway_errors(f"create {top_up.id}"):
            known = self._look_up(top_up) if self._is_old(top_up) else None
            if known is None:
                make = self._make_session if self._config.hosted_page else self._make_intent
                known = make(top_up, return_url)
        return checkout_of(known)

    def find(self, top_up: TopUp) -> PaymentState | None:
        """Search the customer's objects since the top-up was created. It uses lists, which are consistent; search
        is not.
        """
        with gateway_errors(f"find {top_up.id}"):
            known = self._look_up(top_up)
        return self.fetch(known["id"]) if known else None

    def fetch(self, provider_id: str) -> PaymentState:
        """Read a PaymentIntent with its charge, refunds and disputes, by its own id or its session's.

        A SetupIntent's id gives a state without money, whose `method_id` is the saved method.
        """
        with gateway_errors(f"fetch {provider_id}"):
            if provider_id.startswith("cs_"):
                return self._session_state(provider_id)
            if provider_id.startswith("seti_"):
                return states.setup_state(self._client.v1.setup_intents.retrieve(provider_id).to_dict())
            return self._intent_state(provider_id)

    def reference_of(self, provider_id: str) -> str | None:
        """The top-up of a PaymentIntent: events of disputes and refunds contain only the PaymentIntent's id."""
        if not provider_id.startswith("pi_"):
            return None
        with gateway_errors(f"look at {provider_id}"):
            intent = self._client.v1.payment_intents.retrieve(provider_id).to_dict()
        reference = (intent.get("metadata") or {}).get(TOP_UP_ID)
        return str(reference) if reference else None

    def verify(self, raw_body: bytes, headers: Mapping[str, str], now: datetime) -> Notice:
        """Verify `Stripe-Signature` over the raw body, within 300 seconds of now; then read the event."""
        secrets = [secret.get_secret_value() for secret in self._config.webhook_secrets]
        verify_signature(raw_body, headers.get(SIGNATURE_HEADER, ""), secrets, now)
        return notice_of(raw_body)

    # Refunds, and the daily comparison

    def refund(self, provider_id: str, amount: Amount, key: str) -> Refund:
        """Refund part of a payment, or the rest of it."""
        units = to_minor_units(amount)
        with gateway_errors(f"refund {provider_id}"):
            intent_id = self._intent_id(provider_id)
            for made in self._refunds(intent_id):
                if (made.get("metadata") or {}).get(REFUND_KEY) == key:
                    return states.refund_of(made)
            refund = self._client.v1.refunds.create(
                {"payment_intent": intent_id, "amount": units, "metadata": {REFUND_KEY: key}},
                {"idempotency_key": f"refund-{key}"},
            )
        return states.refund_of(refund.to_dict())

    def settled(self, since: datetime, until: datetime) -> Iterator[PaymentState]:
        """Every card payment that succeeded in [since, until), newest first, with or without a top-up of ours."""
        with gateway_errors(f"list charges of {since:%Y-%m-%d}"):
            charges = self._client.v1.charges.list(
                {
                    "created": {"gte": epoch_seconds(since), "lt": epoch_seconds(until)},
                    "limit": _PAGE,
                    "expand": ["data.payment_intent"],
                }
            )
            for found in charges.auto_paging_iter():
                charge = found.to_dict()
                intent = charge.get("payment_intent")
                if charge["status"] == "succeeded" and charge["captured"] and isinstance(intent, dict):
                    yield self._gather(intent | {"latest_charge": charge})

    # Saved cards

    def begin_saving(self, customer_id: str, email: str, key: str) -> Checkout:
        """Create a SetupIntent, which the front end confirms with the customer's card."""
        with gateway_errors(f"begin saving a card of {customer_id}"):
            owner = stripe_customer(self._client, customer_id)
            self._client.v1.customers.update(owner, {"email": email})
            intent = self._client.v1.setup_intents.create(
                {
                    "customer": owner,
                    "usage": "off_session",
                    "allowed_payment_method_types": ["card"],
                    "metadata": {CUSTOMER_ID: customer_id},
                },
                {"idempotency_key": f"setup-{key}"},
            )
        return Checkout(intent.id, client_secret=intent.client_secret)

    def saved_methods(self, customer_id: str) -> Sequence[PaymentMethod]:
        """The customer's saved cards, newest first."""
        with gateway_errors(f"list the cards of {customer_id}"):
            owner = stripe_customer(self._client, customer_id)
            cards = self._client.v1.customers.payment_methods.list(owner, {"type": "card", "limit": _PAGE})
            return [states.payment_method_of(card.to_dict(), customer_id) for card in cards.auto_paging_iter()]

    def forget_method(self, customer_id: str, provider_id: str) -> None:
        """Detach a card from its customer; does nothing if this customer has no such card."""
        with gateway_errors(f"forget {provider_id} of {customer_id}"):
            owner = stripe_customer(self._client, customer_id)
            cards = self._client.v1.customers.payment_methods.list(owner, {"type": "card", "limit": _PAGE})
            if any(card.id == provider_id for card in cards.auto_paging_iter()):
                self._client.v1.payment_methods.detach(provider_id)

    def prepare_charge(self, top_up: TopUp, method_provider_id: str) -> str:
        """Create an unconfirmed PaymentIntent with a saved card, so that its id can be stored before money
        moves.
        """
        with gateway_errors(f"prepare the charge of {top_up.id}"):
            known = self._find_intent(top_up) if self._is_old(top_up) else None
            if known:
                return str(known["id"])
            owner = stripe_customer(self._client, top_up.customer_id)
            params = charge_params(top_up, owner, method_provider_id)
            made = self._client.v1.payment_intents.create(params, {"idempotency_key": f"{top_up.id}-charge"})
        return made.id

    def confirm_charge(self, provider_id: str) -> PaymentState:
        """Confirm a prepared charge, once: a second confirmation returns the result of the first."""
        import stripe

        try:
            with gateway_errors(f"confirm {provider_id}"):
                self._client.v1.payment_intents.confirm(
                    provider_id, {"off_session": True}, {"idempotency_key": f"confirm-{provider_id}"}
                )
        except GatewayError as error:
            cause = error.__cause__
            declined = isinstance(cause, stripe.CardError)
            already = isinstance(cause, stripe.StripeError) and cause.code == "payment_intent_unexpected_state"
            if not (declined or already):
                raise
        return self.fetch(provider_id)

    # Creating and finding

    def _is_old(self, top_up: TopUp) -> bool:
        return self._clock.now() - top_up.created_at > _KEYS_TRUSTED_FOR

    def _make_intent(self, top_up: TopUp, return_url: str) -> Json:
        del return_url  # the front end confirms the intent, and needs no return URL
        params = intent_params(top_up, stripe_customer(self._client, top_up.customer_id))
        made = self._client.v1.payment_intents.create(params, {"idempotency_key": f"{top_up.id}-intent"})
        return made.to_dict()

    def _make_session(self, top_up: TopUp, return_url: str) -> Json:
        params = session_params(top_up, stripe_customer(self._client, top_up.customer_id), return_url)
        made = self._client.v1.checkout.sessions.create(params, {"idempotency_key": f"{top_up.id}-session"})
        return made.to_dict()

    def _look_up(self, top_up: TopUp) -> Json | None:
        """The session of a top-up, otherwise its intent: a paid session has both."""
        return self._find_session(top_up) or self._find_intent(top_up)

    def _find_session(self, top_up: TopUp) -> Json | None:
        sessions = self._client.v1.checkout.sessions.list(
            {
                "customer": stripe_customer(self._client, top_up.customer_id),
                "created": {"gte": epoch_seconds(top_up.created_at - _MAX_CLOCK_SKEW)},
                "limit": _PAGE,
            }
        )
        return next(
            (item.to_dict() for item in sessions.auto_paging_iter() if item.client_reference_id == top_up.id), None
        )

    def _find_intent(self, top_up: TopUp) -> Json | None:
        intents = self._client.v1.payment_intents.list(
            {
                "customer": stripe_customer(self._client, top_up.customer_id),
                "created": {"gte": epoch_seconds(top_up.created_at - _MAX_CLOCK_SKEW)},
                "limit": _PAGE,
            }
        )
        found = (item.to_dict() for item in intents.auto_paging_iter())
        return next((item for item in found if (item.get("metadata") or {}).get(TOP_UP_ID) == top_up.id), None)

    # Reading

    def _intent_state(self, intent_id: str) -> PaymentState:
        intent = self._client.v1.payment_intents.retrieve(intent_id, {"expand": ["latest_charge"]})
        return self._gather(intent.to_dict())

    def _session_state(self, session_id: str) -> PaymentState:
        session = self._client.v1.checkout.sessions.retrieve(session_id).to_dict()
        intent_id = states.id_of(session.get("payment_intent"))
        return states.session_state(session, self._intent_state(intent_id) if intent_id else None)

    def _gather(self, intent: Json) -> PaymentState:
        """The state of an intent whose charge is expanded. Disputes are read only if the charge is disputed."""
        charge = intent.get("latest_charge")
        if intent["status"] != "succeeded" or not isinstance(charge, dict):
            return states.intent_state(intent)
        refunds = self._refunds(intent["id"])
        disputes = self._disputes(intent["id"]) if charge.get("disputed") else ()
        return states.intent_state(intent, refunds, disputes)

    def _refunds(self, intent_id: str) -> Iterator[Json]:
        found = self._client.v1.refunds.list({"payment_intent": intent_id, "limit": _PAGE})
        return (refund.to_dict() for refund in found.auto_paging_iter())

    def _disputes(self, intent_id: str) -> Iterator[Json]:
        found = self._client.v1.disputes.list({"payment_intent": intent_id, "limit": _PAGE})
        return (dispute.to_dict() for dispute in found.auto_paging_iter())

    def _intent_id(self, provider_id: str) -> str:
        if not provider_id.startswith("cs_"):
            return provider_id
        session = self._client.v1.checkout.sessions.retrieve(provider_id).to_dict()
        intent_id = states.id_of(session.get("payment_intent"))
        if intent_id is None:
            raise GatewayRefused(f"{provider_id} has not been paid", "There is no payment to refund.")
        return intent_id
