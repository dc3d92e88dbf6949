"""The demo's check of a bill finds every kind of wrong bill."""

from collections.abc import Callable
from typing import Any

import pytest

from dev.demo.bill import Bill
from dev.demo.checks import StepFailed

PRICE = "1.9922"


def page() -> dict[str, Any]:
    """A page with ten seconds at 1.9922 an hour, in two intervals: 0.003873 and 0.001660."""
    return {
        "pricePerHour": {"amount": PRICE, "currency": "USD"},
        "billedFrom": "2026-11-20T12:00:00Z",
        "billedUntil": "2026-11-20T12:00:10Z",
        "total": {"amount": "0.005533", "currency": "USD"},
        "intervals": [
            line("12:00:00", "12:00:07", "0.003873", 2),
            line("12:00:07", "12:00:10", "0.00166", 3),
        ],
    }


def line(start: str, end: str, amount: str, sequence: int) -> dict[str, Any]:
    """One interval."""
    return {
        "start": f"2026-11-20T{start}Z",
        "end": f"2026-11-20T{end}Z",
        "amount": {"amount": amount, "currency": "USD"},
        "ledgerSequence": sequence,
    }


def entry(sequence: int, amount: str) -> dict[str, Any]:
    """A ledger entry."""
    return {"sequence": sequence, "amount": {"amount": amount, "currency": "USD"}}


def test_right_bill_holds() -> None:
    bill = Bill.of([page()])
    bill.check()
    bill.check_entries([entry(3, "-0.00166"), entry(2, "-0.003873")])
    assert bill.seconds == 10


def _gap(page: dict[str, Any]) -> None:
    page["intervals"][1]["start"] = "2026-11-20T12:00:08Z"


def _overlap(page: dict[str, Any]) -> None:
    page["intervals"][1]["start"] = "2026-11-20T12:00:06Z"


def _micro_dollar_too_many(page: dict[str, Any]) -> None:
    page["intervals"][0]["amount"]["amount"] = "0.003874"


def _other_total(page: dict[str, Any]) -> None:
    page["total"]["amount"] = "0.005534"


def _last_second_missing(page: dict[str, Any]) -> None:
    page["billedUntil"] = "2026-11-20T12:00:11Z"


@pytest.mark.parametrize("spoil", [_gap, _overlap, _micro_dollar_too_many, _other_total, _last_second_missing])
def test_wrong_bill_is_seen(spoil: Callable[[dict[str, Any]], None]) -> None:
    wrong = page()
    spoil(wrong)
    with pytest.raises(StepFailed):
        Bill.of([wrong]).check()


@pytest.mark.parametrize(
    "entries",
    [
        [entry(2, "-0.003873")],
        [entry(2, "-0.003873"), entry(3, "-0.001661")],
        [entry(2, "-0.003873"), entry(3, "-0.00166"), entry(4, "-0.000001")],
    ],
    ids=["one missing", "another amount", "one too many"],
)
def test_ledger_that_differs_from_the_bill_is_seen(entries: list[dict[str, Any]]) -> None:
    with pytest.raises(StepFailed, match="usage entries"):
        Bill.of([page()]).check_entries(entries)
