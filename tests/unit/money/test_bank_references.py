"""References are found in spite of changes by people and banks, and are never taken for another one."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.money.bank_references.models import (
    ALPHABET,
    CURRENCY_LETTERS,
    REFERENCE_LENGTH,
    currency_of,
    find_references,
    holds_attempt,
    is_reference,
    reference_of,
)

TOP_UPS = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=26).map("top_{}".format)
REFERENCES = st.builds(reference_of, TOP_UPS, st.sampled_from(sorted(CURRENCY_LETTERS)))
SEPARATORS = st.sampled_from(["", " ", "-", "  ", ".", "/", "\n", "\u00a0", "_", ": "])
LOOK_ALIKES = {"B": "8", "G": "6", "L": "1I", "S": "5", "Z": "2", "0": "OQ", "1": "IL", "8": "B", "5": "S"}


def iso_7064(reference: str) -> int:
    """An independent implementation of the check in ISO 11649; the result is 1 for a valid reference."""
    rest = 0
    for character in reference[4:] + reference[:4]:
        number = int(character) if character.isdigit() else ord(character) - ord("A") + 10
        rest = (rest * (100 if number > 9 else 10) + number) % 97
    return rest


def test_the_check_agrees_with_the_standards_example() -> None:
    assert iso_7064("RF18539007547034") == 1


@given(REFERENCES)
def test_a_reference_is_one_of_iso_11649_and_fits_into_faster_payments(reference: str) -> None:
    assert iso_7064(reference) == 1
    assert len(reference) == REFERENCE_LENGTH == 18
    assert is_reference(reference)


@given(TOP_UPS, st.sampled_from(sorted(CURRENCY_LETTERS)))
def test_a_top_up_always_has_the_same_and_it_tells_the_currency(top_up_id: str, currency: str) -> None:
    reference = reference_of(top_up_id, currency)
    assert reference_of(top_up_id, currency) == reference
    assert currency_of(reference) == currency


def test_another_currency_has_no_reference() -> None:
    with pytest.raises(ValueError, match="JPY"):
        reference_of("top_1", "JPY")
    assert currency_of("RF18539007547034") is None


def test_ten_thousand_top_ups_have_ten_thousand_references() -> None:
    assert len({reference_of(f"top_{number}", "EUR") for number in range(10_000)}) == 10_000


@settings(deadline=None)
@given(REFERENCES, st.data())
def test_it_is_found_through_case_spaces_and_punctuation(reference: str, data: st.DataObject) -> None:
    typed = "".join(
        data.draw(st.sampled_from([character, character.lower()])) + data.draw(SEPARATORS)
        for character in reference
    )
    before = data.draw(
        st.sampled_from(["", "Top-up ", "Überweisung: ", "invoice 2026/11, ref ", "+++", "支払い "])
    )
    after = data.draw(st.sampled_from(["", " thanks!", " /INV/77", "\nEUR 100,00", " 12345"]))
    assert find_references(f"{before}{typed}{after}") == (reference,)


@settings(deadline=None)
@given(REFERENCES, st.data())
def test_look_alikes_are_read_as_what_can_stand_there(reference: str, data: st.DataObject) -> None:
    typed = reference[:2] + "".join(
        data.draw(st.sampled_from(character + LOOK_ALIKES.get(character, ""))) for character in reference[2:]
    )
    assert find_references(typed) == (reference,)


@given(REFERENCES, st.integers(0, REFERENCE_LENGTH - 1), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
def test_every_wrong_character_is_caught(reference: str, place: int, wrong: str) -> None:
    """The reference is either refused or read as the intended one, never as another."""
    typed = reference[:place] + wrong + reference[place + 1 :]
    assert find_references(typed) in ((), (reference,))
    assert is_reference(typed) == (typed == reference)


@given(REFERENCES, st.integers(0, REFERENCE_LENGTH - 2))
def test_every_two_neighbours_swapped_are_caught(reference: str, place: int) -> None:
    swapped = reference[:place] + reference[place + 1] + reference[place] + reference[place + 2 :]
    assert find_references(swapped) in ((), (reference,))
    assert is_reference(swapped) == (swapped == reference)


def test_every_error_in_one_reference_is_caught_without_exception() -> None:
    """All changes of one character and all swaps in one reference; hypothesis tests others."""
    reference = reference_of("top_01", "GBP")
    for place in range(REFERENCE_LENGTH):
        for wrong in set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") - {reference[place]}:
            assert not is_reference(reference[:place] + wrong + reference[place + 1 :])


@given(REFERENCES, REFERENCES)
def test_several_are_all_found_once_each(first: str, second: str) -> None:
    assert find_references(f"{first} and {second}, again {first.lower()}") == tuple(dict.fromkeys((first, second)))


@given(REFERENCES)
def test_a_wrong_reference_is_recognised_as_an_attempt(reference: str) -> None:
    other = next(letter for letter in ALPHABET if letter != reference[7])
    typed = f"ref {reference[:7]}{other}{reference[8:]}"
    assert find_references(typed) == ()
    assert holds_attempt(typed)


@given(st.text(max_size=300))
def test_any_text_is_read_and_what_is_found_is_a_reference(text: str) -> None:
    assert all(is_reference(found) for found in find_references(text))


@pytest.mark.parametrize("text", ["", "RF", "Rent November", "invoice 4711 of ACME GmbH", "RF18 5390 0754 7034"])
def test_ordinary_text_holds_none(text: str) -> None:
    assert find_references(text) == ()


def test_a_long_text_is_searched_in_a_moment() -> None:
    reference = reference_of("top_01", "USD")
    assert find_references("RF" * 200_000 + reference) == (reference,)
    assert re.fullmatch(r"RF\d\dS[A-Z]{13}", reference)
