"""The conversion of Stripe's objects: each status, each currency, each error."""

from typing import Any

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.gateways.stripe import states
from chalicelib.adapters.gateways.stripe.amounts import from_minor_units, to_minor_units
from chalicelib.adapters.gateways.stripe.config import StripeConfig
from chalicelib.adapters.gateways.stripe.failures import gateway_error
from chalicelib.adapters.shared.configuration import ConfigurationError
from chalicelib.domain.money.top_ups.models import (
    Amount,
    DisputeStatus,
    GatewayBusy,
    GatewayError,
    GatewayRefused,
    GatewayUnreachable,
    RefundStatus,
    TopUpStatus,
)

SDK: Any = stripe
"""Untyped, because half of the SDK's errors have untyped constructors."""

DECLINED = {"type": "card_error", "code": "card_declined", "message": "Your card was declined."}


def intent(status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "status": status,
        "amount": 1000,
        "amount_received": 1000 if status == "succeeded" else 0,
        "currency": "usd",
        "metadata": {"top_up_id": "top_1"},
        "latest_charge": {"id": "ch_1", "created": 1_795_176_737} if status == "succeeded" else None,
        "last_payment_error": None,
        "payment_method": "pm_1",
        **more,
    }


class TestAmounts:
    @pytest.mark.parametrize(
        ("micros", "currency", "units"),
        [
            (12_340_000, "USD", 1234),
            (10_000, "EUR", 1),
            (500_000_000, "JPY", 500),
            (5_120_000, "KWD", 5120),
            (5_000_000, "ISK", 500),
            (1_000_000, "AED", 100),
        ],
    )
    def test_they_are_written_in_the_smallest_unit(self, micros: int, currency: str, units: int) -> None:
        assert to_minor_units(Amount(micros, currency)) == units
        assert from_minor_units(units, currency.lower()) == Amount(micros, currency)

    @pytest.mark.parametrize(
        ("micros", "currency"),
        [(0, "USD"), (-10_000, "USD"), (1, "USD"), (12_345_000, "USD"), (500_000, "JPY"), (5_124_000, "KWD")],
    )
    def test_what_cannot_be_charged_is_refused_rather_than_rounded(self, micros: int, currency: str) -> None:
        with pytest.raises(GatewayRefused) as refused:
            to_minor_units(Amount(micros, currency))
        assert currency in refused.value.sentence

    @settings(deadline=None)
    @given(st.integers(1, 10**10), st.sampled_from(["USD", "EUR", "GBP", "CAD", "CHF", "AED", "JPY"]))
    def test_there_and_back_is_the_same(self, units: int, currency: str) -> None:
        assert to_minor_units(from_minor_units(units, currency)) == units


class TestIntents:
    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("requires_payment_method", TopUpStatus.AWAITING_PAYMENT),
            ("requires_confirmation", TopUpStatus.AWAITING_PAYMENT),
            ("requires_action", TopUpStatus.AWAITING_PAYMENT),
            ("processing", TopUpStatus.PROCESSING),
            ("requires_capture", TopUpStatus.PROCESSING),
            ("succeeded", TopUpStatus.SETTLED),
            ("canceled", TopUpStatus.CANCELLED),
            ("invented_later", TopUpStatus.PROCESSING),
        ],
    )
    def test_g02_only_success_is_a_payment(self, status: str, expected: TopUpStatus) -> None:
        state = states.intent_state(intent(status))
        assert state.status is expected
        assert [payment.id for payment in state.payments] == (["pi_1"] if status == "succeeded" else [])

    def test_what_was_received_counts_not_what_was_asked(self) -> None:
        (payment,) = states.intent_state(intent("succeeded", amount_received=700)).payments
        assert payment.amount == Amount(7_000_000)

    def test_a_decline_fails_only_payments_that_cannot_be_repeated(self) -> None:
        declined = intent("requires_payment_method", last_payment_error=DECLINED)
        assert states.intent_state(declined).status is TopUpStatus.AWAITING_PAYMENT
        automatic = declined | {"metadata": {"top_up_id": "top_1", "automatic": "true"}}
        state = states.intent_state(automatic)
        assert (state.status, state.failure) == (TopUpStatus.FAILED, "Your card was declined.")

    def test_only_what_stripe_writes_for_payers_is_shown_to_them(self) -> None:
        broken = {"type": "api_error", "message": "Internal: shard 7 is down"}
        assert (
            "shard"
            not in states.intent_state(intent("requires_payment_method", last_payment_error=broken)).failure
        )

    def test_a_method_is_named_only_where_it_was_saved(self) -> None:
        assert states.intent_state(intent("succeeded")).method_id is None
        assert states.intent_state(intent("succeeded", setup_future_usage="off_session")).method_id == "pm_1"
        assert states.intent_state(intent("succeeded", setup_future_usage="on_session")).method_id is None


class TestSessions:
    def session(self, status: str) -> dict[str, Any]:
        return {"id": "cs_1", "status": status, "client_reference_id": "top_1"}

    def test_an_open_session_awaits_payment(self) -> None:
        assert states.session_state(self.session("open"), None).status is TopUpStatus.AWAITING_PAYMENT

    def test_an_expired_one_has_expired(self) -> None:
        declined = states.intent_state(intent("canceled", last_payment_error=DECLINED))
        for paid in (None, declined):
            assert states.session_state(self.session("expired"), paid).status is TopUpStatus.EXPIRED

    def test_money_that_came_nevertheless_counts(self) -> None:
        paid = states.intent_state(intent("succeeded"))
        state = states.session_state(self.session("expired"), paid)
        assert (state.status, state.payments, state.provider_id) == (TopUpStatus.SETTLED, paid.payments, "cs_1")


class TestMoneyBack:
    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("pending", RefundStatus.PENDING),
            ("requires_action", RefundStatus.PENDING),
            ("succeeded", RefundStatus.DONE),
            ("failed", RefundStatus.FAILED),
            ("canceled", RefundStatus.FAILED),
            ("invented_later", RefundStatus.PENDING),
        ],
    )
    def test_refunds(self, status: str, expected: RefundStatus) -> None:
        refund = {"id": "re_1", "amount": 400, "currency": "usd", "status": status, "metadata": None}
        assert states.refund_of(refund).status is expected
        assert states.refund_of(refund).key == ""

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("warning_needs_response", DisputeStatus.OPEN),
            ("warning_under_review", DisputeStatus.OPEN),
            ("warning_closed", DisputeStatus.WON),
            ("needs_response", DisputeStatus.OPEN),
            ("under_review", DisputeStatus.OPEN),
            ("won", DisputeStatus.WON),
            ("lost", DisputeStatus.LOST),
            ("appeal_needs_response", DisputeStatus.LOST),
            ("appeal_under_review", DisputeStatus.LOST),
            ("invented_later", DisputeStatus.OPEN),
        ],
    )
    def test_g09_disputes(self, status: str, expected: DisputeStatus) -> None:
        dispute = {"id": "du_1", "amount": 400, "currency": "usd", "status": status}
        assert states.dispute_of(dispute).status is expected

    @pytest.mark.parametrize(
        ("moved", "expected"),
        [([], DisputeStatus.WON), ([-400], DisputeStatus.LOST), ([-400, 400], DisputeStatus.WON)],
    )
    def test_g09_a_prevented_dispute_is_lost_if_the_money_went(
        self, moved: list[int], expected: DisputeStatus
    ) -> None:
        dispute = {
            "id": "du_1",
            "amount": 400,
            "currency": "usd",
            "status": "prevented",
            "balance_transactions": [{"amount": amount} for amount in moved],
        }
        assert states.dispute_of(dispute).status is expected


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (SDK.APIConnectionError("no route"), GatewayUnreachable),
            (SDK.APIError("oops", http_status=500), GatewayUnreachable),
            (SDK.APIError("Invalid response body", http_status=200), GatewayUnreachable),
            (SDK.RateLimitError("slowly", http_status=429), GatewayBusy),
            (SDK.RateLimitError("slowly", http_status=400), GatewayBusy),
            (SDK.IdempotencyError("in use", http_status=409), GatewayBusy),
            (SDK.IdempotencyError("other parameters", http_status=400), GatewayRefused),
            (SDK.InvalidRequestError("no", "id", "resource_missing", http_status=404), GatewayRefused),
            (SDK.CardError("Your card was declined.", None, "card_declined", http_status=402), GatewayRefused),
            (SDK.AuthenticationError("who?", http_status=401), GatewayError),
            (SDK.PermissionError("no", http_status=403), GatewayError),
        ],
    )
    def test_each_has_its_word(self, error: stripe.StripeError, expected: type[GatewayError]) -> None:
        made = gateway_error(error, "try")
        assert type(made) is expected
        assert str(made).startswith("try: ")

    def test_a_bad_key_is_not_a_refusal_of_the_payment(self) -> None:
        """Otherwise every top-up would count as unknown to Stripe as soon as a key is revoked."""
        assert not isinstance(gateway_error(SDK.AuthenticationError("who?", http_status=401), ""), GatewayRefused)

    def test_the_payer_reads_what_was_written_for_the_payer(self) -> None:
        declined = SDK.CardError("Your card has insufficient funds.", None, "card_declined", http_status=402)
        invalid = SDK.InvalidRequestError("Received unknown parameter: foo", "foo", http_status=400)
        over = SDK.InvalidRequestError("Refund amount (2) is greater than (1)", "amount", http_status=400)
        sentences = [getattr(gateway_error(error, ""), "sentence", "") for error in (declined, invalid, over)]
        assert sentences[0] == "Your card has insufficient funds."
        assert "parameter" not in sentences[1]
        assert "left" in sentences[2]


class TestConfiguration:
    GOOD = '{"stripe": {"secret_key": "sk_test_1", "webhook_secrets": ["whsec_1"]}}'

    def test_the_least_is_enough(self) -> None:
        config = StripeConfig.from_secret(self.GOOD)
        assert (config.api_url, config.hosted_page) == ("https://api.stripe.com", False)

    @pytest.mark.parametrize(
        ("old", "new", "named"),
        [
            ("sk_test_1", "pk_test_hidden", "secret_key"),
            ("whsec_1", "hidden", "webhook_secrets"),
            ('["whsec_1"]', "[]", "webhook_secrets"),
            ('"secret_key"', '"secret_kee"', "secret_kee"),
            ('{"stripe"', '{"other"', "no part stripe"),
            ("}}", "}", "not JSON"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_secret_shown(self, old: str, new: str, named: str) -> None:
        with pytest.raises(ConfigurationError, match=named) as wrong:
            StripeConfig.from_secret(self.GOOD.replace(old, new))
        assert "hidden" not in str(wrong.value)

    def test_it_does_not_show_its_secrets(self) -> None:
        shown = repr(StripeConfig.from_secret(self.GOOD))
        assert "sk_test_1" not in shown
        assert "whsec_1" not in shown
