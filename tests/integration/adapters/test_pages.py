"""Cursor pages on a real engine."""

import base64
from typing import Any

import pytest
from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.pages import encode_cursor, query_page
from chalicelib.adapters.dynamodb.table import Record
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.limits import MAX_CURSOR_LENGTH
from chalicelib.kernel.pages import Page, PageRequest
from tests.support.engine import Engine


class LeafRecord(Record, discriminator="TEST_LEAF"):
    """An item of a list."""

    colour = UnicodeAttribute()


class TwigRecord(Record, discriminator="TEST_TWIG"):
    """Another kind in the same partition."""


@pytest.fixture(autouse=True)
def _leaves(table: Engine) -> None:
    """Seven leaves of Ann, which two indexes order differently, with twigs between them; and one leaf of Bob."""
    for number in range(7):
        LeafRecord(
            "TREE#ann",
            f"LEAF#{number}",
            colour="red" if number % 2 else "green",
            gsi1pk="TREE#ann#BY_AGE",
            gsi1sk=f"{9 - number}",
        ).save()
        TwigRecord("TREE#ann", f"LEAF#{number}-twig").save()
    LeafRecord("TREE#bob", "LEAF#3", colour="blue").save()


def name(record: LeafRecord) -> str:
    return record.sk.removeprefix("LEAF#")


def leaves(limit: int = 25, cursor: str | None = None, tree: str = "ann", **options: Any) -> Page[str]:
    return query_page(LeafRecord, f"TREE#{tree}", PageRequest(limit, cursor), name, **options)


def walk(limit: int, **options: Any) -> list[str]:
    """Read every item, page by page; each page but the last is full."""
    found: list[str] = []
    page = leaves(limit, **options)
    while page.next_cursor is not None:
        assert len(page.items) == limit
        found += page.items
        page = leaves(limit, page.next_cursor, **options)
    return [*found, *page.items]


@pytest.mark.parametrize("limit", range(1, 9))
def test_pages_of_any_size_hold_everything_once_and_in_order(limit: int) -> None:
    assert walk(limit) == ["0", "1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_so_they_do_backwards_in_an_index_and_filtered(limit: int) -> None:
    assert walk(limit, ascending=False) == ["6", "5", "4", "3", "2", "1", "0"]
    found: list[str] = []
    cursor = None
    while True:
        page = query_page(LeafRecord, "TREE#ann#BY_AGE", PageRequest(limit, cursor), name, index_name="gsi1")
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == ["6", "5", "4", "3", "2", "1", "0"]
    assert walk(limit, filters=LeafRecord.colour == "red") == ["1", "3", "5"]


def test_a_full_last_page_does_not_lead_on() -> None:
    assert leaves(1, tree="bob") == Page(["3"])


def test_an_empty_list_is_one_empty_page() -> None:
    assert leaves(tree="nobody") == Page([])


@pytest.mark.guarantee("G41")
def test_g41_a_cursor_of_another_customer_stays_in_ones_own_list() -> None:
    theirs = leaves(2).next_cursor
    assert leaves(cursor=theirs, tree="bob").items == ["3"]


@pytest.mark.guarantee("G47")
@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%%%",
        "ä",
        "a" * (MAX_CURSOR_LENGTH + 1),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        encode_cursor({}),
        encode_cursor({"pk": "TREE#ann", "sk": "LEAF#1"}),
        encode_cursor({"sk": ""}),
        encode_cursor({"sk": "x" * 600}),
        encode_cursor({"gsi1sk": "1", "pk": "a", "sk": "b"}),
        *(base64.urlsafe_b64encode(wrong).decode() for wrong in (b"[]", b'"sk"', b"1", b"null", b'{"sk":1}')),
        base64.urlsafe_b64encode(b"[" * 1500).decode(),
    ],
)
def test_g47_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        leaves(cursor=cursor)
    assert [detail.field for detail in refused.value.details] == ["cursor"]


@pytest.mark.guarantee("G47")
def test_g47_a_cursor_of_the_index_without_its_table_keys_is_refused() -> None:
    with pytest.raises(InvalidInput):
        query_page(
            LeafRecord, "TREE#ann#BY_AGE", PageRequest(2, encode_cursor({"gsi1sk": "1"})), name, index_name="gsi1"
        )
