"""Matching finds the right top-up or asks staff, and every line of a statement has exactly one result."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.money.bank.matching import StatementReport, match, sort_lines
from chalicelib.domain.money.bank.models import (
    Matched,
    Reason,
    Transfer,
    TransferState,
    Unmatched,
    UnmatchedTransfer,
)
from chalicelib.domain.money.bank.statements import read_statement
from chalicelib.domain.money.bank_references.models import reference_of
from chalicelib.domain.money.top_ups.models import Amount, Flag, Method, TopUp, TopUpStatus

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = NOW.date()
ACCOUNT = "NL91ABNA0417164300"
HEADER = "account,bank_reference,booked_on,amount,currency,text"


def top_up(number: int, currency: str = "EUR", micros: int = 100_000_000) -> TopUp:
    return TopUp(
        id=f"top_{number}",
        customer_id="cus_1",
        gateway="bank",
        method=Method.BANK_TRANSFER,
        amount=Amount(micros, currency),
        status=TopUpStatus.AWAITING_PAYMENT,
        created_at=NOW,
        updated_at=NOW,
        deadline_at=NOW + timedelta(days=14),
    )


TOP_UPS = {reference_of(found.id, "EUR"): found for found in map(top_up, range(5))}
REFERENCES = list(TOP_UPS)


def transfer(text: str, micros: int = 100_000_000, currency: str = "EUR", day: date = TODAY) -> Transfer:
    return Transfer(ACCOUNT, Amount(micros, currency), day, "BR1", text)


class TestMatch:
    def test_a_reference_finds_its_top_up(self) -> None:
        found = match(transfer(f"top-up {REFERENCES[2].lower()}"), TOP_UPS.get)
        assert found == Matched(
            transfer(f"top-up {REFERENCES[2].lower()}"), TOP_UPS[REFERENCES[2]], flags=frozenset()
        )

    @pytest.mark.parametrize(
        ("micros", "days", "flags"),
        [
            (99_990_000, 0, {Flag.UNDERPAID}),
            (100_010_000, 14, {Flag.OVERPAID}),
            (100_000_000, 15, {Flag.LATE}),
            (1, 400, {Flag.UNDERPAID, Flag.LATE}),
        ],
    )
    def test_what_arrived_counts_and_what_is_unusual_is_flagged(
        self, micros: int, days: int, flags: set[Flag]
    ) -> None:
        found = match(transfer(REFERENCES[0], micros, day=TODAY + timedelta(days=days)), TOP_UPS.get)
        assert isinstance(found, Matched)
        assert (found.transfer.amount.micros, set(found.flags)) == (micros, flags)

    @pytest.mark.parametrize(
        ("text", "currency", "reason"),
        [
            ("thanks", "EUR", Reason.NO_REFERENCE),
            (REFERENCES[0][:-1] + ("B" if REFERENCES[0][-1] != "B" else "C"), "EUR", Reason.MISTYPED_REFERENCE),
            (reference_of("top_of_nobody", "EUR"), "EUR", Reason.UNKNOWN_REFERENCE),
            (f"{REFERENCES[0]} {REFERENCES[1]}", "EUR", Reason.SEVERAL_REFERENCES),
            (REFERENCES[0], "USD", Reason.OTHER_CURRENCY),
        ],
    )
    def test_what_is_not_clear_is_for_people(self, text: str, currency: str, reason: Reason) -> None:
        found = match(transfer(text, currency=currency), TOP_UPS.get)
        assert isinstance(found, Unmatched)
        assert found.reason is reason
        assert (found.top_up is not None) == (reason is Reason.OTHER_CURRENCY)

    def test_several_payers_money_is_not_one_customers(self) -> None:
        """This holds even if their text has one clear reference."""
        found = match(replace(transfer(REFERENCES[0]), is_batch=True), TOP_UPS.get)
        assert isinstance(found, Unmatched)
        assert found.reason is Reason.BATCH


def line(number: int, text: str, amount: str = "10.00", account: str = ACCOUNT, currency: str = "EUR") -> str:
    return f"{account},BR{number},2026-11-20,{amount},{currency},{text}"


def sorted_out(*lines: str, known: frozenset[str] = frozenset()) -> StatementReport:
    raw = "\n".join([HEADER, *lines]).encode()
    return sort_lines(read_statement(raw), TOP_UPS.get, known.__contains__, {ACCOUNT})


class TestSortOut:
    def test_each_line_goes_where_it_belongs(self) -> None:
        report = sorted_out(
            line(1, REFERENCES[0]),
            line(2, "nothing"),
            line(1, REFERENCES[0]),
            line(3, "", "-5.00"),
            line(4, "", "five"),
            line(5, REFERENCES[0], account="DE02120300000000202051"),
        )
        assert [item.line_number for item in report.accepted] == [2]
        assert [item.line_number for item in report.unmatched] == [3]
        assert [item.line_number for item in report.known] == [4]
        assert [item.line_number for item in report.passed_over] == [5]
        assert [item.line_number for item in report.invalid] == [6, 7]
        assert "is not ours" in report.invalid[1].problem

    @pytest.mark.guarantee("G01")
    @settings(deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 6), st.sampled_from([*REFERENCES, "nothing", "RF"]), st.integers(1, 3)),
            max_size=20,
        )
    )
    def test_g01_importing_twice_credits_once_and_no_line_is_lost(self, facts: list[tuple[int, str, int]]) -> None:
        lines = [line(number, text, f"{units}.00") for number, text, units in facts]
        first = sorted_out(*lines)
        assert first.line_count == len(lines)
        ids = [item.matched.transfer.id for item in first.accepted]
        ids += [item.unmatched.transfer.id for item in first.unmatched]
        assert len(set(ids)) == len(ids)
        again = sorted_out(*lines, known=frozenset(ids))
        assert (again.accepted, again.unmatched) == ((), ())
        assert len(again.known) == len(lines)


class TestQueue:
    def waiting(self) -> UnmatchedTransfer:
        return UnmatchedTransfer.of(Unmatched(transfer("thanks"), Reason.NO_REFERENCE), NOW)

    def test_money_waits_until_somebody_decides(self) -> None:
        assert self.waiting().state is TransferState.WAITING
        assert self.waiting().id == transfer("thanks").id

    def test_it_is_assigned_or_returned_once(self) -> None:
        assigned = self.waiting().assigned(top_up(1), "usr_1", NOW, "by phone")
        assert (assigned.state, assigned.top_up_id, assigned.decided_by) == (
            TransferState.ASSIGNED,
            "top_1",
            "usr_1",
        )
        returned = self.waiting().returned("usr_2", NOW)
        assert (returned.state, returned.top_up_id, returned.version) == (TransferState.RETURNED, None, 1)
        for decided in (assigned, returned):
            with pytest.raises(ValueError, match="before"):
                decided.returned("usr_3", NOW)
            with pytest.raises(ValueError, match="before"):
                decided.assigned(top_up(2), "usr_3", NOW)

    def test_it_keeps_which_top_up_it_might_be_for(self) -> None:
        unmatched = match(transfer(REFERENCES[0], currency="USD"), TOP_UPS.get)
        assert isinstance(unmatched, Unmatched)
        assert UnmatchedTransfer.of(unmatched, NOW).suggested_top_up_id == TOP_UPS[REFERENCES[0]].id

    def test_it_is_not_assigned_across_currencies(self) -> None:
        with pytest.raises(ValueError, match="USD"):
            self.waiting().assigned(replace(top_up(1), amount=Amount(1, "USD")), "usr_1", NOW)
