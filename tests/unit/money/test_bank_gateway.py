"""The bank's adapter: configuration, instructions, webhooks, and the bank's documents."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from chalicelib.adapters.gateways.bank import BankConfig, BankGateway
from chalicelib.adapters.gateways.bank.client import decimal_text
from chalicelib.adapters.gateways.bank.webhooks import TOLERANCE_SECONDS, verify
from chalicelib.adapters.gateways.bank.wire import TransferData, state_of
from chalicelib.adapters.shared.configuration import ConfigurationError
from chalicelib.domain.money.bank.ports import SupportsTransfers
from chalicelib.domain.money.bank_references.models import CURRENCY_LETTERS, is_reference, reference_of
from chalicelib.domain.money.top_ups.models import (
    Amount,
    GatewayRefused,
    GatewayUnreachable,
    InvalidSignature,
    Method,
    TopUp,
    TopUpStatus,
)
from dev.simulators.bank.site import sign
from dev.simulators.http import LoopbackServer, Response

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECRET = "webhook-secret"
EURO: dict[str, Any] = {"beneficiary": "Hearth BV", "bank": "A Bank", "iban": "NL91 ABNA 0417 1643 00"}
DOLLAR: dict[str, Any] = {
    "beneficiary": "Hearth Inc.",
    "bank": "A Bank",
    "account_number": "000123456789",
    "routing_number": "021000021",
}
PART: dict[str, Any] = {
    "base_url": "http://127.0.0.1:9",
    "api_key": "key-of-the-bank",
    "webhook_secrets": [SECRET],
    "accounts": {"EUR": EURO, "USD": DOLLAR},
}


def configured(**changes: Any) -> BankConfig:
    return BankConfig.from_secret(json.dumps({"bank": {**PART, **changes}}))


def top_up(currency: str = "EUR") -> TopUp:
    return TopUp(
        id="top_01",
        customer_id="cus_1",
        gateway="bank",
        method=Method.BANK_TRANSFER,
        amount=Amount(50_000_000, currency),
        status=TopUpStatus.CREATED,
        created_at=NOW,
        updated_at=NOW,
        deadline_at=NOW + timedelta(days=14),
    )


class TestConfiguration:
    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"accounts": {}}, "accounts"),
            ({"accounts": {"JPY": EURO}}, "accounts"),
            ({"accounts": {"EUR": {**EURO, "iban": "NL92ABNA0417164300"}}}, "check digits"),
            ({"accounts": {"EUR": {**EURO, "iban": "hello"}}}, "no IBAN"),
            ({"accounts": {"EUR": {**EURO, "iban": None}}}, "needs an iban"),
            ({"accounts": {"USD": {**DOLLAR, "routing_number": "021000022"}}}, "check digit"),
            ({"accounts": {"USD": {**DOLLAR, "routing_number": "21000021"}}}, "nine digits"),
            ({"accounts": {"EUR": {**EURO, "bic": "abc"}}}, "bic"),
            ({"webhook_secrets": []}, "webhook_secrets"),
            ({"webhook_secrets": [""]}, "empty"),
            ({"api_key": ""}, "empty"),
            ({"base_url": "not a url"}, "base_url"),
            ({"more": 1}, "more"),
        ],
    )
    def test_what_is_wrong_is_named_and_no_secret_is(self, changes: dict[str, Any], says: str) -> None:
        with pytest.raises(ConfigurationError, match=says) as caught:
            configured(**changes)
        assert SECRET not in str(caught.value)
        assert "key-of-the-bank" not in str(caught.value)

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"bank": null}', "{"])
    def test_other_documents_are_refused(self, text: str) -> None:
        with pytest.raises(ConfigurationError):
            BankConfig.from_secret(text)


class TestCreate:
    def test_instructions_hold_what_a_payer_fills_in(self) -> None:
        """Nothing listens at the configured address, so the bank is not called."""
        checkout = BankGateway(configured()).create(top_up(), return_url="")
        reference = reference_of("top_01", "EUR")
        assert checkout.provider_id == reference
        assert checkout.expires_at == top_up().deadline_at
        assert dict(checkout.instructions) == {
            "beneficiary": "Hearth BV",
            "bank": "A Bank",
            "iban": "NL91ABNA0417164300",
            "currency": "EUR",
            "reference": reference,
        }

    def test_each_currency_has_its_own_account_and_reference(self) -> None:
        checkout = BankGateway(configured()).create(top_up("USD"), return_url="")
        assert checkout.instructions["routingNumber"] == "021000021"
        assert is_reference(checkout.provider_id)
        assert checkout.provider_id != reference_of("top_01", "EUR")

    @pytest.mark.parametrize("currency", ["GBP", "USDT"])
    def test_a_currency_without_an_account_is_refused_with_a_sentence(self, currency: str) -> None:
        with pytest.raises(GatewayRefused) as caught:
            BankGateway(configured()).create(top_up(currency), return_url="")
        assert caught.value.sentence == "Bank transfers can be made in EUR, USD."

    def test_it_says_what_people_need_for_the_queue(self) -> None:
        gateway = BankGateway(configured())
        assert isinstance(gateway, SupportsTransfers)
        assert gateway.accounts == {"NL91ABNA0417164300", "000123456789"}


def announcement(text: str = "", currency: str = "EUR", end_to_end_id: str = "") -> bytes:
    about = {"id": "tr_7", "currency": currency, "text": text, "end_to_end_id": end_to_end_id}
    return json.dumps({"id": "evt_1", "type": "transfer.credited", "transfer": about}).encode()


def headers_of(body: bytes, secret: str = SECRET, at: datetime = NOW) -> dict[str, str]:
    return {name.lower(): value for name, value in sign(body, int(at.timestamp()), secret).items()}


def read(body: bytes, headers: dict[str, str], now: datetime = NOW) -> str | None:
    return verify(body, headers, now, [SecretStr("another"), SecretStr(SECRET)]).provider_id


REFERENCE = reference_of("top_01", "EUR")
OTHER = reference_of("top_02", "EUR")
LOOK_ALIKE = REFERENCE.replace("S", "5")
"""A form of the reference that we can read, but that a bank's search by characters does not find."""


@pytest.mark.guarantee("G40")
class TestWebhook:
    @pytest.mark.parametrize(
        ("body", "provider_id"),
        [
            (announcement(REFERENCE), REFERENCE),
            (announcement(f"my {REFERENCE[:4]} {REFERENCE[4:].lower()}"), REFERENCE),
            (announcement("", end_to_end_id=REFERENCE), REFERENCE),
            (announcement("thanks"), "tr_7"),
            (announcement(f"{REFERENCE} {OTHER}"), "tr_7"),
            (announcement(REFERENCE, "USD"), "tr_7"),
            (announcement(LOOK_ALIKE), "tr_7"),
            (b'{"id": "evt_1", "type": "account.opened"}', None),
        ],
    )
    def test_g40_a_notice_leads_to_the_top_up_or_to_the_transfer(
        self, body: bytes, provider_id: str | None
    ) -> None:
        assert read(body, headers_of(body)) == provider_id

    @pytest.mark.parametrize("seconds", [0, TOLERANCE_SECONDS, -TOLERANCE_SECONDS])
    def test_g40_within_the_window_it_is_taken(self, seconds: int) -> None:
        body = announcement(REFERENCE)
        assert read(body, headers_of(body), NOW + timedelta(seconds=seconds)) == REFERENCE

    @pytest.mark.parametrize("seconds", [TOLERANCE_SECONDS + 1, -TOLERANCE_SECONDS - 1, 10**7, -(10**7)])
    def test_g40_stale_and_future_ones_are_refused(self, seconds: int) -> None:
        body = announcement(REFERENCE)
        with pytest.raises(InvalidSignature):
            read(body, headers_of(body), NOW + timedelta(seconds=seconds))

    @pytest.mark.parametrize(
        "changes",
        [
            {"x-bank-signature": ""},
            {"x-bank-signature": "v1=" + "0" * 64},
            {"x-bank-signature": "é" * 67},
            {"x-bank-timestamp": ""},
            {"x-bank-timestamp": "-1"},
            {"x-bank-timestamp": "1e9"},
            {"x-bank-timestamp": "٣"},
            {"x-bank-timestamp": "9" * 40},
            {"x-bank-timestamp": str(int(NOW.timestamp()) + 1)},
        ],
    )
    def test_g40_other_headers_are_refused(self, changes: dict[str, str]) -> None:
        body = announcement(REFERENCE)
        with pytest.raises(InvalidSignature):
            read(body, headers_of(body) | changes)

    def test_g40_another_secret_is_refused(self) -> None:
        body = announcement(REFERENCE)
        with pytest.raises(InvalidSignature):
            read(body, headers_of(body, "not the secret"))

    @settings(deadline=None)
    @given(st.integers(0, len(announcement(REFERENCE)) - 1), st.integers(1, 255))
    def test_g40_any_changed_byte_and_any_truncation_is_refused(self, place: int, change: int) -> None:
        body = announcement(REFERENCE)
        headers = headers_of(body)
        changed = body[:place] + bytes([body[place] ^ change]) + body[place + 1 :]
        for other in (changed, body[:place]):
            with pytest.raises(InvalidSignature):
                read(other, headers)

    @given(st.binary(max_size=100))
    def test_g40_what_is_signed_and_no_announcement_is_refused(self, body: bytes) -> None:
        with pytest.raises(InvalidSignature):
            read(body, headers_of(body))


def told(number: int, **changes: Any) -> TransferData:
    return TransferData.model_validate(
        {
            "id": f"tr_{number}",
            "account": "NL91ABNA0417164300",
            "amount": "10.00",
            "currency": "EUR",
            "status": "booked",
            "booked_on": "2026-11-20",
            "credited_at": f"2026-11-20T12:00:{number:02d}Z",
            "bank_reference": f"BR{number}",
            "text": REFERENCE,
            **changes,
        }
    )


class TestStates:
    def test_what_has_arrived_is_settled_each_transfer_a_payment(self) -> None:
        state = state_of(REFERENCE, [told(2), told(1, amount="2.5")])
        assert state.status is TopUpStatus.SETTLED
        assert [payment.amount.micros for payment in state.payments] == [2_500_000, 10_000_000]
        assert [payment.at.second for payment in state.payments] == [1, 2]

    @pytest.mark.guarantee("G02")
    def test_g02_what_is_on_its_way_is_no_payment(self) -> None:
        pending = told(1, status="pending", booked_on=None, credited_at=None)
        assert state_of(REFERENCE, [pending]).status is TopUpStatus.PROCESSING
        assert state_of(REFERENCE, [pending]).payments == ()
        assert state_of(REFERENCE, [pending, told(2)]).status is TopUpStatus.SETTLED
        assert state_of(REFERENCE, []).status is TopUpStatus.AWAITING_PAYMENT

    def test_what_went_back_is_a_refund_and_the_payment_stays(self) -> None:
        part = {"id": "ret_1", "amount": "4.00", "status": "done", "key": "our key"}
        lost = {"id": "ret_2", "amount": "9.00", "status": "failed"}
        one = told(1, status="returned", returns=[part, lost])
        state = state_of(REFERENCE, [one])
        assert [payment.amount.micros for payment in state.payments] == [10_000_000]
        assert [(refund.id, refund.amount.micros, refund.key) for refund in state.refunds] == [
            ("ret_1", 4_000_000, "our key"),
            ("ret_2", 9_000_000, ""),
        ]
        assert one.left_micros == 6_000_000

    def test_equal_transfers_of_a_bank_without_references_are_two_payments(self) -> None:
        state = state_of(REFERENCE, [told(1, bank_reference=""), told(2, bank_reference="")])
        assert len({payment.id for payment in state.payments}) == 2


class TestAnswers:
    """A bank with invalid answers."""

    @pytest.mark.parametrize(
        "answer",
        [
            Response(200, "<html>"),
            Response(200, "null"),
            Response(200, '{"transfers": 1}'),
            Response(200, {"transfers": [{"id": "../x"}]}),
            Response(200, {"transfers": [], "next_cursor": "always"}),
            Response(302, None, {"Location": "http://127.0.0.1:9/transfers"}),
            Response(500, "key-of-the-bank"),
        ],
    )
    def test_it_is_no_word_of_any_transfer(self, answer: Response) -> None:
        server = LoopbackServer(lambda request: answer)
        try:
            gateway = BankGateway(configured(base_url=server.start()))
            with pytest.raises(GatewayUnreachable):
                gateway.fetch(REFERENCE)
        finally:
            server.stop()

    def test_nobody_there_is_unreachable(self) -> None:
        with pytest.raises(GatewayUnreachable):
            BankGateway(configured()).fetch(REFERENCE)

    def test_what_others_have_is_not_taken(self) -> None:
        """A bank's search may also find transfers with other references."""
        others = [told(1, text=OTHER), told(2, text=f"{REFERENCE} {OTHER}"), told(3, currency="USD"), told(4)]
        page = {"transfers": [json.loads(one.model_dump_json()) for one in others]}
        server = LoopbackServer(lambda request: Response(200, page))
        try:
            state = BankGateway(configured(base_url=server.start())).fetch(REFERENCE)
        finally:
            server.stop()
        assert [payment.at.second for payment in state.payments] == [4]


@pytest.mark.parametrize(("micros", "text"), [(10_000, "0.01"), (1_500_000, "1.50"), (10**12, "1000000.00")])
def test_amounts_are_written_in_cents(micros: int, text: str) -> None:
    assert decimal_text(Amount(micros, "EUR")) == text


@pytest.mark.parametrize("micros", [0, -10_000, 1, 10_001])
def test_parts_of_a_cent_are_not_sent(micros: int) -> None:
    with pytest.raises(GatewayRefused):
        decimal_text(Amount(micros, "EUR"))


def test_there_is_a_letter_for_every_currency() -> None:
    assert len(set(CURRENCY_LETTERS.values())) == len(CURRENCY_LETTERS) == 6
