"""Money: exact, bounded, and the same in both directions."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.kernel.money import MAX_AMOUNT_MICROS, decimal_amount, format_amount, parse_amount

amounts = st.integers(-MAX_AMOUNT_MICROS, MAX_AMOUNT_MICROS)


@given(amounts)
def test_what_is_written_reads_back_the_same(micros: int) -> None:
    assert parse_amount(format_amount(micros)) == micros


@given(amounts)
def test_a_text_is_the_exact_decimal_number(micros: int) -> None:
    assert Decimal(format_amount(micros)) == decimal_amount(micros) == Decimal(micros).scaleb(-6)


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "0.00"),
        (1, "0.000001"),
        (-1, "-0.000001"),
        (10_000, "0.01"),
        (1_500_000, "1.50"),
        (1_234_567, "1.234567"),
        (-12_340_000, "-12.34"),
        (MAX_AMOUNT_MICROS, "1000000000.00"),
    ],
)
def test_amounts_have_two_decimals_and_up_to_six(micros: int, text: str) -> None:
    assert format_amount(micros) == text


@pytest.mark.parametrize(
    ("text", "micros"), [("7", 7_000_000), ("0.5", 500_000), ("-0", 0), ("007.10", 7_100_000)]
)
def test_shorter_forms_are_read_too(text: str, micros: int) -> None:
    assert parse_amount(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "1.", ".5", "1,5", "1e3", "+1", "--1", " 1", "1\n", "1_000", "0x10", "NaN", "Infinity"),
        *("1.0000001", "1000000000.000001", "99999999999", "½", "٣", "१.५०"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="an amount is"):
        parse_amount(text)
