"""Referral codes, and the payments that count for a reward."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.money.referral.codes import code_of, parse_code, shown
from chalicelib.domain.money.referral.models import (
    MIN_TOP_UP_MICROS,
    WAITS_FOR,
    Referral,
    ReferralStatus,
    RewardReason,
    Traces,
    counts,
    was_returned,
)
from chalicelib.domain.money.top_ups.models import Amount, Method, TopUp, TopUpStatus
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.sites import site_of
from tests.support.clock import START

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@given(st.text(min_size=1))
def test_a_code_is_read_however_it_is_written(customer_id: str) -> None:
    code = code_of(customer_id)
    assert len(code) == 10
    for written in (code, shown(code), shown(code).lower(), f" {code[:3]} {code[3:]} ", code.replace("0", "o")):
        assert parse_code(written) == code
    assert parse_code(code.replace("1", "l")) == parse_code(code.replace("1", "I")) == code


@given(st.text(min_size=1), st.integers(0, 9), st.sampled_from(ALPHABET))
def test_every_single_wrong_character_is_noticed(customer_id: str, place: int, other: str) -> None:
    code = code_of(customer_id)
    wrong = code[:place] + other + code[place + 1 :]
    if wrong != code:
        with pytest.raises(InvalidInput):
            parse_code(wrong)


@pytest.mark.parametrize("text", ["", "K7M2Q", "K7M2Q-4TXW9K", "K7M2Q-4TXW!", "K7M2Q-4TXWU", "ÄÖÜßé-12345"])
def test_what_is_no_code(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_code(text)


def test_codes_tell_customers_apart_and_not_who_they_are() -> None:
    codes = {code_of(f"cus_{number:026d}") for number in range(20_000)}
    assert len(codes) == 20_000
    assert len({code[:2] for code in codes}) > 900, "neighbouring ids have nothing in common"


def paid(**changes: object) -> TopUp:
    top_up = TopUp(
        id="top_1",
        customer_id="cus_1",
        gateway="stripe",
        method=Method.CARD,
        amount=Amount(MIN_TOP_UP_MICROS),
        status=TopUpStatus.SETTLED,
        created_at=START,
        updated_at=START,
        deadline_at=START,
        credited_micros=MIN_TOP_UP_MICROS,
    )
    return replace(top_up, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "is_counted", "is_returned"),
    [
        ({}, True, False),
        ({"credited_micros": MIN_TOP_UP_MICROS - 1}, False, True),
        ({"refunded_micros": 1}, False, True),
        ({"credited_micros": 2 * MIN_TOP_UP_MICROS, "refunded_micros": MIN_TOP_UP_MICROS}, True, False),
        ({"disputed_micros": 1, "booked": frozenset({"dispute:d"})}, False, False),
        ({"booked": frozenset({"dispute:d", "dispute:d:lost"})}, False, True),
        ({"booked": frozenset({"dispute:d", "dispute:d:lost", "dispute:d:won"})}, True, False),
        ({"booked": frozenset({"dispute:d", "dispute:d:won", "dispute:e:lost"})}, False, True),
    ],
)
def test_what_counts_and_what_was_returned(
    changes: dict[str, object], *, is_counted: bool, is_returned: bool
) -> None:
    assert (counts(paid(**changes)), was_returned(paid(**changes))) == (is_counted, is_returned)


def test_waiting_has_an_end() -> None:
    referral = Referral("ref_1", "cus_a", "cus_b", "usr_b", START)
    late = START + WAITS_FOR
    assert referral.waiting(late - timedelta(seconds=1)).status is ReferralStatus.WAITING
    ended = referral.waiting(late)
    assert (ended.status, ended.reason, ended.check_at) == (ReferralStatus.REFUSED, RewardReason.NO_PAYMENT, None)


def test_customers_of_one_household_are_recognised() -> None:
    here = Traces(frozenset({"usr_a"}), frozenset({site_of("2001:db8:1:2::1")}), "DE10115Invalidenstr1")
    for other, together in (
        (Traces(frozenset(), frozenset({site_of("2001:db8:1:2:ffff::9")})), True),
        (Traces(frozenset(), frozenset({site_of("2001:db8:1:3::1")})), False),
        (Traces(frozenset(), frozenset(), "DE10115Invalidenstr1"), True),
        (Traces(frozenset(), frozenset(), ""), False),
    ):
        assert here.lives_with(other) is together
    nobody = Traces(frozenset(), frozenset())
    assert not nobody.lives_with(nobody), "two of whom nothing is known have nothing in common"
    assert nobody.with_network(site_of("203.0.113.9")).networks == {"203.0.113.9"}
