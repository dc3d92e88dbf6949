"""The conversion of PayPal's objects: amounts, orders, captures, refunds and disputes."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.gateways.paypal import PayPalConfig, states
from chalicelib.adapters.gateways.paypal.amounts import from_money, to_money
from chalicelib.adapters.gateways.paypal.answers import DisputeData, Order
from chalicelib.adapters.shared.configuration import ConfigurationError
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Dispute,
    DisputeStatus,
    Flag,
    GatewayRefused,
    Method,
    PaymentState,
    Refund,
    RefundStatus,
    TopUp,
    TopUpStatus,
)
from chalicelib.kernel.clock import isoformat, later
from tests.support.clock import START

SECTION = {"client_id": "the-client", "client_secret": "the-secret", "webhook_ids": ["1JE4291016473214C"]}
CONFIG = PayPalConfig.from_secret(json.dumps({"paypal": SECTION}))
TOP_UP = TopUp(
    id="top_1",
    customer_id="cus_1",
    gateway="paypal",
    method=Method.PAYPAL,
    amount=Amount(12_340_000, "EUR"),
    status=TopUpStatus.CREATED,
    created_at=START,
    updated_at=START,
    deadline_at=later(START, 3600),
)


def money(value: str) -> dict[str, str]:
    return {"currency_code": "EUR", "value": value}


def at(seconds: int) -> str:
    return isoformat(later(START, seconds))


def capture(status: str = "COMPLETED", reason: str = "") -> dict[str, Any]:
    made = {"id": "CAP1", "status": status, "amount": money("100.00"), "custom_id": "top_1", "create_time": at(0)}
    return made | ({"status_details": {"reason": reason}} if reason else {})


def refund(name: str, value: str, seconds: int, *, key: str = "", status: str = "COMPLETED") -> dict[str, Any]:
    made = {"id": name, "status": status, "amount": money(value), "create_time": at(seconds)}
    return made | ({"invoice_id": key} if key else {})


def dispute(outcome: str = "", *, refunded: str = "", value: str = "100.00", seconds: int = 100) -> DisputeData:
    ended: dict[str, Any] = {"outcome_code": outcome} if outcome else {}
    if refunded:
        ended["amount_refunded"] = money(refunded)
    return DisputeData.model_validate(
        {
            "dispute_id": "PP-D-1",
            "status": "RESOLVED" if outcome else "UNDER_REVIEW",
            "create_time": at(seconds),
            "dispute_amount": money(value),
            "dispute_outcome": ended,
        }
    )


def order(status: str, *captures: Mapping[str, Any], refunds: tuple[Mapping[str, Any], ...] = ()) -> Order:
    unit = {"custom_id": "top_1", "payments": {"captures": captures, "refunds": refunds}}
    return Order.model_validate({"id": "ORD1", "status": status, "create_time": at(0), "purchase_units": [unit]})


class TestAmounts:
    @given(st.integers(1, 10**9), st.sampled_from(["USD", "EUR", "GBP", "CAD", "CHF"]))
    def test_they_come_back_as_they_went(self, cents: int, currency: str) -> None:
        amount = Amount(cents * 10_000, currency)
        written = to_money(amount)
        assert from_money(written["currency_code"], written["value"]) == amount
        assert len(written["value"].partition(".")[2]) == 2

    @given(st.integers(1, 10**9), st.sampled_from(["HUF", "JPY", "TWD"]))
    def test_some_currencies_have_no_decimals(self, units: int, currency: str) -> None:
        assert to_money(Amount(units * 1_000_000, currency))["value"] == str(units)

    @pytest.mark.parametrize(
        "amount",
        [
            Amount(0),
            Amount(-10_000),
            Amount(1),
            Amount(10_000_001),
            Amount(5_500_000, "JPY"),
            Amount(10_000_000, "AED"),
            Amount(10_000_000, "USDT"),
        ],
    )
    def test_amounts_that_paypal_does_not_accept_are_refused(self, amount: Amount) -> None:
        with pytest.raises(GatewayRefused) as refused:
            to_money(amount)
        assert refused.value.sentence.endswith(".")

    @pytest.mark.parametrize("value", ["", "NaN", "Infinity", "1,00", "0.0000001", "ten"])
    def test_what_is_no_amount_is_not_read(self, value: str) -> None:
        with pytest.raises(ValueError, match=r"decimal|millionth"):
            from_money("USD", value)


class TestRequests:
    def test_an_order_carries_our_id_twice_and_asks_for_no_address(self) -> None:
        body = states.order_request(TOP_UP, "https://shop.example.com/back", CONFIG)
        (unit,) = body["purchase_units"]
        assert (unit["custom_id"], unit["invoice_id"]) == ("top_1", "top_1")
        assert unit["amount"] == {"currency_code": "EUR", "value": "12.34"}
        experience = body["payment_source"]["paypal"]["experience_context"]
        assert (experience["shipping_preference"], experience["user_action"]) == ("NO_SHIPPING", "PAY_NOW")
        assert "brand_name" not in experience

    def test_the_brand_is_shown_where_there_is_one(self) -> None:
        named = CONFIG.model_copy(update={"brand_name": "Hearth"})
        body = states.order_request(TOP_UP, "https://shop.example.com/back", named)
        assert body["payment_source"]["paypal"]["experience_context"]["brand_name"] == "Hearth"

    def test_a_refund_carries_our_key_and_the_top_up(self) -> None:
        body = states.refund_request(Amount(2_500_000, "EUR"), "top_1", "rfd_1")
        assert body == {"amount": money("2.50"), "invoice_id": "rfd_1", "custom_id": "top_1"}

    @pytest.mark.parametrize("rel", ["payer-action", "approve"])
    def test_the_payer_is_led_to_the_page_in_time(self, rel: str) -> None:
        links = [{"href": "https://x/self", "rel": "self"}, {"href": "https://x/pay", "rel": rel}]
        made = Order.model_validate({"id": "ORD1", "status": "CREATED", "create_time": at(0), "links": links})
        checkout = states.checkout(made, CONFIG)
        assert (checkout.redirect_url, checkout.expires_at) == ("https://x/pay", later(START, 3 * 3600))


class TestOrders:
    @pytest.mark.guarantee("G02")
    @pytest.mark.parametrize(
        ("status", "refusal", "expected", "has_failure"),
        [
            ("CREATED", "", TopUpStatus.AWAITING_PAYMENT, False),
            ("SAVED", "", TopUpStatus.AWAITING_PAYMENT, False),
            ("PAYER_ACTION_REQUIRED", "", TopUpStatus.AWAITING_PAYMENT, False),
            ("VOIDED", "", TopUpStatus.CANCELLED, False),
            ("COMPLETED", "", TopUpStatus.PROCESSING, False),
            ("APPROVED", "ORDER_COMPLETION_IN_PROGRESS", TopUpStatus.PROCESSING, False),
            ("APPROVED", "INSTRUMENT_DECLINED", TopUpStatus.AWAITING_PAYMENT, True),
            ("APPROVED", "PAYER_ACTION_REQUIRED", TopUpStatus.AWAITING_PAYMENT, True),
            ("APPROVED", "ORDER_NOT_APPROVED", TopUpStatus.AWAITING_PAYMENT, False),
            ("APPROVED", "PAYER_ACCOUNT_RESTRICTED", TopUpStatus.FAILED, True),
            ("APPROVED", "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", TopUpStatus.FAILED, True),
        ],
    )
    def test_g02_without_a_capture_there_is_no_payment(
        self, status: str, refusal: str, expected: TopUpStatus, has_failure: bool
    ) -> None:
        state = states.order_state(order(status), refusal=refusal)
        assert (state.status, state.payments, bool(state.failure)) == (expected, (), has_failure)

    @pytest.mark.guarantee("G02")
    @pytest.mark.parametrize(
        ("status", "expected", "count"),
        [
            ("COMPLETED", TopUpStatus.SETTLED, 1),
            ("PARTIALLY_REFUNDED", TopUpStatus.SETTLED, 1),
            ("REFUNDED", TopUpStatus.SETTLED, 1),
            ("PENDING", TopUpStatus.PROCESSING, 0),
            ("DECLINED", TopUpStatus.FAILED, 0),
            ("FAILED", TopUpStatus.FAILED, 0),
            ("SOMETHING_NEW", TopUpStatus.FAILED, 0),
        ],
    )
    def test_g02_a_completed_order_is_paid_only_by_a_completed_capture(
        self, status: str, expected: TopUpStatus, count: int
    ) -> None:
        state = states.order_state(order("COMPLETED", capture(status)))
        assert (state.status, len(state.payments), state.reference) == (expected, count, "top_1")
        assert bool(state.failure) == (expected is TopUpStatus.FAILED)

    @pytest.mark.parametrize(
        ("reason", "flagged"),
        [("", False), ("ECHECK", False), ("PENDING_REVIEW", False), ("UNILATERAL", True), ("OTHER", True)],
    )
    def test_staff_look_at_what_waits_for_them(self, reason: str, flagged: bool) -> None:
        state = states.order_state(order("COMPLETED", capture("PENDING", reason)))
        assert (Flag.MANUAL_REVIEW in state.flags) == flagged

    def test_staff_look_at_a_second_order_of_one_top_up(self) -> None:
        state = states.order_state(order("APPROVED"), refusal="DUPLICATE_INVOICE_ID")
        assert (state.status, state.flags) == (TopUpStatus.FAILED, frozenset({Flag.MANUAL_REVIEW}))

    def test_the_reference_may_stand_on_the_capture_alone(self) -> None:
        unit = {"payments": {"captures": [capture()]}}
        bare = Order.model_validate({"id": "ORD1", "status": "COMPLETED", "purchase_units": [unit]})
        assert bare.reference == "top_1"


class TestRefunds:
    @pytest.mark.guarantee("G09")
    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("COMPLETED", RefundStatus.DONE),
            ("PENDING", RefundStatus.PENDING),
            ("FAILED", RefundStatus.FAILED),
            ("CANCELLED", RefundStatus.FAILED),
            ("SOMETHING_NEW", RefundStatus.PENDING),
        ],
    )
    def test_g09_a_refund_is_as_far_as_paypal_says(self, status: str, expected: RefundStatus) -> None:
        given_back = refund("R1", "10.00", 50, key="rfd_1", status=status)
        state = states.order_state(order("COMPLETED", capture(), refunds=(given_back,)))
        assert state.refunds == (Refund("R1", Amount(10_000_000, "EUR"), expected, "rfd_1"),)

    @pytest.mark.parametrize("inherited", ["", "top_1"])
    def test_one_made_in_paypals_own_pages_has_no_key(self, inherited: str) -> None:
        given_back = refund("R1", "10.00", 50, key=inherited)
        (found,) = states.order_state(order("COMPLETED", capture(), refunds=(given_back,))).refunds
        assert found.key == ""


@pytest.mark.guarantee("G09")
class TestDisputes:
    @pytest.mark.parametrize(
        ("outcome", "expected"),
        [
            ("", DisputeStatus.OPEN),
            ("RESOLVED_SELLER_FAVOUR", DisputeStatus.WON),
            ("RESOLVED_WITH_PAYOUT", DisputeStatus.WON),
            ("CANCELED_BY_BUYER", DisputeStatus.WON),
            ("DENIED", DisputeStatus.WON),
            ("NONE", DisputeStatus.WON),
            ("RESOLVED_BUYER_FAVOUR", DisputeStatus.LOST),
            ("ACCEPTED", DisputeStatus.LOST),
        ],
    )
    def test_g09_the_outcome_decides(self, outcome: str, expected: DisputeStatus) -> None:
        state = self._state(dispute(outcome))
        assert state.disputes == (Dispute("PP-D-1", Amount(100_000_000, "EUR"), expected),)
        assert state.flags == frozenset()

    def test_g09_an_unknown_outcome_stays_frozen_and_is_told_to_staff(self) -> None:
        state = self._state(dispute("SOMETHING_NEW"))
        assert [item.status for item in state.disputes] == [DisputeStatus.OPEN]
        assert state.flags == {Flag.MANUAL_REVIEW}

    def test_g09_what_was_given_to_the_buyer_is_what_was_lost(self) -> None:
        state = self._state(dispute("RESOLVED_BUYER_FAVOUR", refunded="40.00"))
        assert state.disputes[0].amount == Amount(40_000_000, "EUR")

    @pytest.mark.parametrize("outcome", ["", "RESOLVED_BUYER_FAVOUR"])
    def test_g09_its_money_is_reported_once(self, outcome: str) -> None:
        """PayPal also reports the money that it takes back for a dispute as a refund."""
        state = self._state(dispute(outcome), refund("R1", "60.00", 200), refund("R2", "40.00", 300, key="top_1"))
        assert state.refunds == ()

    @pytest.mark.parametrize(
        ("given_back", "why"),
        [
            (refund("R1", "50.00", 99), "came before the dispute"),
            (refund("R1", "50.00", 200, key="rfd_1"), "is ours"),
            (refund("R1", "50.01", 200), "is more than the dispute"),
        ],
    )
    def test_g09_a_refund_beside_it_counts(self, given_back: dict[str, Any], why: str) -> None:
        state = self._state(dispute("RESOLVED_BUYER_FAVOUR", refunded="50.00"), given_back)
        assert [item.id for item in state.refunds] == ["R1"], why

    def test_g09_after_a_won_dispute_every_refund_counts(self) -> None:
        state = self._state(dispute("CANCELED_BY_BUYER"), refund("R1", "60.00", 200))
        assert [item.id for item in state.refunds] == ["R1"]

    @given(st.lists(st.integers(1, 60), max_size=6), st.integers(1, 100))
    def test_g09_no_more_is_taken_from_the_refunds_than_the_dispute_covers(
        self, units: list[int], disputed: int
    ) -> None:
        """For any refunds, the total is the refunded amount plus the part that the dispute has not covered."""
        refunds = [refund(f"R{place}", f"{value}.00", 200 + place) for place, value in enumerate(units)]
        state = self._state(dispute("RESOLVED_BUYER_FAVOUR", refunded=f"{disputed}.00"), *refunds)
        kept = sum(item.amount.micros for item in state.refunds)
        given_back = sum(units) * 1_000_000
        assert max(0, given_back - disputed * 1_000_000) <= kept <= given_back
        assert kept + disputed * 1_000_000 >= given_back

    @staticmethod
    def _state(about: DisputeData, *refunds: Mapping[str, Any]) -> PaymentState:
        return states.order_state(order("COMPLETED", capture(), refunds=refunds), [about])


class TestConfiguration:
    @pytest.mark.guarantee("G46")
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"client_secret": ""}, "client_secret"),
            ({"webhook_ids": []}, "webhook_ids"),
            ({"webhook_ids": ["not an id"]}, "webhook_ids"),
            ({"api_base": "paypal"}, "api_base"),
            ({"read_timeout_seconds": 0}, "read_timeout_seconds"),
            ({"webhook_max_age_seconds": 10**9}, "webhook_max_age_seconds"),
            ({"mode": "live"}, "mode"),
        ],
    )
    def test_g46_a_mistake_is_told_by_its_field_and_without_secrets(
        self, change: dict[str, Any], told: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=told) as error:
            PayPalConfig.from_secret(json.dumps({"paypal": SECTION | change}))
        assert "the-secret" not in str(error.value)

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"stripe": {}}', "null"])
    def test_what_is_no_secret_of_ours_is_refused(self, text: str) -> None:
        with pytest.raises(ConfigurationError):
            PayPalConfig.from_secret(text)

    def test_it_shows_no_secret(self) -> None:
        assert "the-secret" not in repr(CONFIG)
        assert CONFIG.api_url == "https://api-m.paypal.com"
