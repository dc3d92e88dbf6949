"""The ledger stays correct under any order of payments, webhooks, refunds, disputes, usage, holds and crashes."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.domain.money.ledger.errors import InsufficientBalance
from chalicelib.domain.money.ledger.models import EntryType, HoldPurpose, Operator
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.top_ups.errors import PaymentProviderError
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Dispute,
    DisputeStatus,
    Flag,
    GatewayUnreachable,
    Method,
    Payment,
    Rate,
    Refund,
    RefundStatus,
    TopUp,
    TopUpStatus,
)
from chalicelib.domain.money.top_ups.settlement import Settlement
from chalicelib.domain.money.top_ups.top_ups import TopUpRequest, TopUps
from chalicelib.domain.money.top_ups.webhooks import Webhooks
from chalicelib.kernel.transactions import Transactor, with_fresh_reads
from tests.fakes.money import Crash, InterruptedTransactor, MemoryLedgerRecords, MemoryTable, MemoryTransactor
from tests.fakes.payments import FakeGateway, FixedRates, MemoryNotices, MemoryTopUpRecords
from tests.support.clock import SettableClock

CUSTOMER = "cus_1"


class Bank:
    """All services of payments, in memory."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.table = MemoryTable()
        self.transactor = InterruptedTransactor(MemoryTransactor(self.table))
        self.records = MemoryTopUpRecords(self.table)
        self.ledger_records = MemoryLedgerRecords(self.table)
        plain: Transactor = self.transactor
        self.ledger = Ledger(self.ledger_records, plain, self.clock)
        self.transactor.commit(self.ledger.open_account(CUSTOMER))
        self.gateway = FakeGateway()
        self.rates = FixedRates()
        self.notices = MemoryNotices()
        self.settlement = Settlement(
            self.records, lambda _: self.gateway, self.ledger, self.rates, plain, self.clock
        )
        self.top_ups = TopUps(
            self.records, lambda _: self.gateway, self.settlement, plain, self.clock, "https://x"
        )
        self.webhooks = Webhooks(
            lambda _: self.gateway, self.notices, self.notices, self.records, self.settlement, self.clock
        )

    def asked(self, amount: Amount | None = None, key: str | None = None) -> TopUp:
        """A top-up that waits for its payment."""
        request = TopUpRequest("stripe", Method.CARD, amount or Amount(50_000_000))
        return self.top_ups.create(CUSTOMER, request, key)

    def paid(self, top_up: TopUp, micros: int, name: str = "ch_1", currency: str = "USD") -> None:
        """Make the gateway receive money for a top-up."""
        state = self.gateway.states[str(top_up.provider_id)]
        payment = Payment(name, Amount(micros, currency), self.clock.now())
        self.gateway.tell(state.provider_id, payments=(*state.payments, payment), status=TopUpStatus.SETTLED)

    @property
    def posted(self) -> int:
        """The customer's balance."""
        account = self.ledger_records.account(CUSTOMER)
        assert account is not None
        return account.posted_micros


@pytest.fixture
def bank() -> Bank:
    """An empty bank."""
    return Bank()


@pytest.mark.guarantee("G01")
def test_a_payment_is_credited_once_however_often_it_is_told_of(bank: Bank) -> None:
    top_up = bank.asked()
    bank.paid(top_up, 50_000_000)
    for number in range(100):
        bank.webhooks.receive("stripe", f"evt_{number % 7} {top_up.provider_id}".encode(), {})
    for notice in bank.notices.waiting:
        bank.webhooks.handle(*notice)
    assert len(bank.notices.waiting) == 7
    assert bank.posted == 50_000_000


@pytest.mark.guarantee("G01")
def test_two_who_book_the_same_payment_at_once_both_find_it_credited_once(bank: Bank) -> None:
    top_up = bank.asked()
    bank.paid(top_up, 50_000_000)

    def somebody_is_faster() -> None:
        bank.settlement.look(top_up)

    bank.transactor.before = somebody_is_faster
    assert bank.settlement.look(top_up).status is TopUpStatus.SETTLED
    assert bank.posted == 50_000_000


@pytest.mark.guarantee("G02")
def test_what_is_not_final_is_not_credited(bank: Bank) -> None:
    top_up = bank.asked()
    bank.gateway.tell(str(top_up.provider_id), status=TopUpStatus.PROCESSING)
    assert bank.settlement.look(top_up).status is TopUpStatus.PROCESSING
    assert bank.posted == 0


def test_a_payment_of_another_top_up_is_not_credited_twice(bank: Bank) -> None:
    first, second = bank.asked(), bank.asked()
    bank.paid(first, 50_000_000, "ch_same")
    bank.paid(second, 50_000_000, "ch_same")
    bank.settlement.look(first)
    with pytest.raises(Exception, match="not_posted_before"):
        bank.settlement.look(second)
    assert bank.posted == 50_000_000


def test_a_lost_answer_to_a_create_is_found_again_by_the_same_key(bank: Bank) -> None:
    bank.gateway.silent = "after"
    with pytest.raises(PaymentProviderError):
        bank.asked(key="k")
    bank.gateway.silent = ""
    again = bank.asked(key="k")
    assert again.status is TopUpStatus.AWAITING_PAYMENT
    assert len(bank.gateway.states) == 1


def test_a_lost_answer_is_found_by_the_reconciler_too(bank: Bank) -> None:
    bank.gateway.silent = "after"
    with pytest.raises(PaymentProviderError):
        bank.asked()
    bank.gateway.silent = ""
    (provider_id,) = bank.gateway.states
    payment = Payment("ch_1", Amount(50_000_000), bank.clock.now())
    bank.gateway.tell(provider_id, payments=(payment,), status=TopUpStatus.SETTLED)
    bank.clock.advance(600)
    assert bank.settlement.reconcile() == {"looked": 1, "failed": 0}
    assert bank.posted == 50_000_000


@pytest.mark.guarantee("G28")
def test_what_is_never_paid_expires_and_is_still_credited_when_it_comes(bank: Bank) -> None:
    top_up = bank.asked()
    bank.clock.advance(2 * 86_400)
    assert bank.settlement.look(top_up).status is TopUpStatus.EXPIRED
    bank.paid(top_up, 40_000_000)
    late = bank.settlement.look(top_up)
    assert late.flags == {Flag.LATE, Flag.UNDERPAID}
    assert bank.posted == 40_000_000


@pytest.mark.guarantee("G09")
def test_a_dispute_freezes_at_once_and_debits_only_what_was_lost(bank: Bank) -> None:
    top_up = bank.asked()
    bank.paid(top_up, 50_000_000)
    bank.settlement.look(top_up)
    bank.gateway.tell(str(top_up.provider_id), disputes=(Dispute("dp_1", Amount(50_000_000), DisputeStatus.OPEN),))
    bank.settlement.look(top_up)
    with pytest.raises(InsufficientBalance):
        bank.ledger.change(CUSTOMER, bank.clock.now()).place_hold("dep_1", 1)
    assert bank.posted == 50_000_000
    bank.gateway.tell(str(top_up.provider_id), disputes=(Dispute("dp_1", Amount(50_000_000), DisputeStatus.LOST),))
    for _ in range(3):
        bank.settlement.look(top_up)
    assert bank.posted == 0
    assert list(bank.ledger_records.holds(CUSTOMER)) == []


@pytest.mark.guarantee("G09")
def test_what_is_set_aside_for_a_refund_stays_so_until_the_refund_has_ended(bank: Bank) -> None:
    top_up = bank.asked()
    bank.paid(top_up, 50_000_000)
    bank.settlement.look(top_up)
    change = bank.ledger.change(CUSTOMER, bank.clock.now())
    change.place_hold("rfd_1", 20_000_000, HoldPurpose.REFUND)
    bank.transactor.commit(change.writes())
    for status, held in ((RefundStatus.PENDING, 1), (RefundStatus.DONE, 0)):
        refund = Refund("re_1", Amount(20_000_000), status, key="rfd_1")
        bank.gateway.tell(str(top_up.provider_id), refunds=(refund,))
        bank.settlement.look(top_up)
        assert len(list(bank.ledger_records.holds(CUSTOMER))) == held
    assert bank.posted == 30_000_000


def test_a_transfer_in_parts_waits_for_the_rest(bank: Bank) -> None:
    request = TopUpRequest("stripe", Method.BANK_TRANSFER, Amount(50_000_000))
    top_up = bank.top_ups.create(CUSTOMER, request, None)
    bank.paid(top_up, 20_000_000, "tr_1")
    partly = bank.settlement.look(top_up)
    assert (partly.status, partly.flags) == (TopUpStatus.PARTIALLY_PAID, frozenset())
    bank.paid(top_up, 30_000_000, "tr_2")
    whole = bank.settlement.look(top_up)
    assert (whole.status, whole.flags) == (TopUpStatus.SETTLED, frozenset())
    assert bank.posted == 50_000_000


def test_money_in_another_currency_than_was_asked_for_is_left_to_people(bank: Bank) -> None:
    top_up = bank.asked()
    bank.paid(top_up, 50_000_000, currency="EUR")
    assert bank.settlement.look(top_up).flags >= {Flag.MANUAL_REVIEW}
    assert bank.posted == 0


def test_stablecoins_are_credited_even_where_the_answer_to_the_create_was_lost(bank: Bank) -> None:
    bank.rates.put_rate(Rate("USDT", Decimal(1), bank.clock.now()))
    bank.gateway.silent = "after"
    with pytest.raises(PaymentProviderError):
        bank.top_ups.create(
            CUSTOMER, TopUpRequest("stripe", Method.CRYPTO, Amount(10_000_000), "USDT", "ETH"), None
        )
    bank.gateway.silent = ""
    (provider_id,) = bank.gateway.states
    payment = Payment("tx_1", Amount(10_000_000, "USDT"), bank.clock.now())
    bank.gateway.tell(provider_id, payments=(payment,), status=TopUpStatus.SETTLED)
    bank.clock.advance(600)
    bank.settlement.reconcile()
    assert bank.posted == 10_000_000


@pytest.mark.guarantee("G09")
def test_a_refund_that_came_back_and_an_appeal_that_was_won_are_given_back_once(bank: Bank) -> None:
    top_up = bank.asked()
    bank.paid(top_up, 50_000_000)
    provider_id = str(top_up.provider_id)
    for status in (RefundStatus.DONE, RefundStatus.FAILED, RefundStatus.FAILED):
        bank.gateway.tell(provider_id, refunds=(Refund("re_1", Amount(20_000_000), status),))
        bank.settlement.look(top_up)
    assert bank.posted == 50_000_000
    for end in (DisputeStatus.OPEN, DisputeStatus.LOST, DisputeStatus.WON, DisputeStatus.WON):
        bank.gateway.tell(provider_id, disputes=(Dispute("dp_1", Amount(50_000_000), end),))
        bank.settlement.look(top_up)
    assert bank.posted == 50_000_000
    assert list(bank.ledger_records.holds(CUSTOMER)) == []


def test_all_money_of_a_top_up_has_the_rate_of_the_first(bank: Bank) -> None:
    bank.rates.put_rate(Rate("EUR", Decimal("1.10"), bank.clock.now()))
    top_up = bank.asked(Amount(100_000_000, "EUR"))
    bank.paid(top_up, 100_000_000, currency="EUR")
    bank.settlement.look(top_up)
    bank.rates.put_rate(Rate("EUR", Decimal("1.30"), bank.clock.now()))
    refund = Refund("re_1", Amount(100_000_000, "EUR"), RefundStatus.DONE)
    bank.gateway.tell(str(top_up.provider_id), refunds=(refund,))
    assert bank.settlement.look(top_up).rate == "1.10"
    assert bank.posted == 0


PARTS = st.lists(st.integers(1, 10**9), min_size=1, max_size=6)


@pytest.mark.guarantee("G09")
@given(
    rate=st.decimals("0.0001", "9999", places=8),
    paid=PARTS,
    cuts=st.lists(st.floats(0, 1), max_size=5),
    returned=st.lists(st.booleans(), min_size=6, max_size=6),
    looks=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_g09_what_goes_back_in_parts_is_what_was_credited(
    rate: Decimal, paid: list[int], cuts: list[float], returned: list[bool], looks: list[bool]
) -> None:
    """However a payment and its refunds are divided, and whichever refunds come back: no micro-dollar is lost."""
    bank = Bank()
    bank.rates.rates["EUR"] = Rate("EUR", rate, bank.clock.now())
    top_up = bank.asked(Amount(sum(paid), "EUR"))
    for number, micros in enumerate(paid):
        bank.paid(top_up, micros, f"ch_{number}", "EUR")
        if looks[number]:
            bank.settlement.look(top_up)
    bank.settlement.look(top_up)
    credited = bank.posted
    assert credited == int(sum(paid) * rate)

    whole = sum(paid)
    ends = sorted({int(whole * cut) for cut in cuts} | {0, whole})
    refunds = [
        Refund(f"re_{number}", Amount(end - start, "EUR"), RefundStatus.DONE)
        for number, (start, end) in enumerate(pairwise(ends))
    ]
    for number in range(len(refunds)):
        if looks[number] or number == len(refunds) - 1:
            bank.gateway.tell(str(top_up.provider_id), refunds=tuple(refunds[: number + 1]))
            bank.settlement.look(top_up)
    assert bank.posted == 0

    told = [
        replace(refund, status=RefundStatus.FAILED) if comes_back else refund
        for refund, comes_back in zip(refunds, returned, strict=False)
    ]
    bank.gateway.tell(str(top_up.provider_id), refunds=tuple(told))
    kept = sum(refund.amount.micros for refund in told if refund.status is RefundStatus.FAILED)
    assert bank.settlement.look(top_up).refunded_micros == credited - bank.posted
    assert abs(bank.posted - kept * rate) <= 1


class Books(RuleBasedStateMachine):
    """A state machine of a gateway, its webhooks, a customer, machines and crashes, on one account."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = Bank()
        self.number = 0

    @initialize()
    def begins_with_a_top_up(self) -> None:
        self.bank.asked()

    @property
    def known(self) -> list[TopUp]:
        """The top-ups that the gateway knows."""
        return [top_up for top_up in self.bank.table.under(("top_up",), TopUp) if top_up.provider_id]

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _some(self, index: int) -> TopUp:
        return self.known[index % len(self.known)]

    def _trying(self, how: object) -> None:
        assert callable(how)
        try:
            how()
        except* (Crash, GatewayUnreachable, PaymentProviderError, InsufficientBalance):
            pass  # alone, or together with other usage of a metering run

    @rule(micros=st.integers(1, 10**9))
    def another_top_up(self, micros: int) -> None:
        self._trying(lambda: self.bank.asked(Amount(micros)))

    @rule(index=st.integers(0, 9), micros=st.integers(1, 10**9))
    def money_arrives(self, index: int, micros: int) -> None:
        self.bank.paid(self._some(index), micros, f"ch_{self._next()}")

    @rule(index=st.integers(0, 9), micros=st.integers(1, 10**6), status=st.sampled_from(RefundStatus))
    def money_goes_back(self, index: int, micros: int, status: RefundStatus) -> None:
        provider_id = str(self._some(index).provider_id)
        refunds = self.bank.gateway.states[provider_id].refunds
        refund = Refund(f"re_{self._next()}", Amount(micros), status)
        self.bank.gateway.tell(provider_id, refunds=(*refunds, refund))

    @rule(index=st.integers(0, 9), micros=st.integers(1, 10**9))
    def a_payer_disputes(self, index: int, micros: int) -> None:
        provider_id = str(self._some(index).provider_id)
        disputes = self.bank.gateway.states[provider_id].disputes
        dispute = Dispute(f"dp_{self._next()}", Amount(micros), DisputeStatus.OPEN)
        self.bank.gateway.tell(provider_id, disputes=(*disputes, dispute))

    @rule(index=st.integers(0, 9), won=st.booleans())
    def disputes_end(self, index: int, won: bool) -> None:
        provider_id = str(self._some(index).provider_id)
        end = DisputeStatus.WON if won else DisputeStatus.LOST
        disputes = self.bank.gateway.states[provider_id].disputes
        ended = tuple(
            replace(dispute, status=end) if dispute.status is DisputeStatus.OPEN else dispute
            for dispute in disputes
        )
        self.bank.gateway.tell(provider_id, disputes=ended)

    @rule(index=st.integers(0, 9), event=st.integers(0, 20))
    def a_webhook_comes(self, index: int, event: int) -> None:
        raw = f"evt_{event} {self._some(index).provider_id}".encode()
        self.bank.webhooks.receive("stripe", raw, {})

    @precondition(lambda self: self.bank.notices.waiting)
    @rule(index=st.integers(0, 99), keep=st.booleans())
    def the_worker_handles_one(self, index: int, keep: bool) -> None:
        waiting = self.bank.notices.waiting
        notice = waiting[index % len(waiting)]
        if not keep:
            waiting.remove(notice)
        self._trying(lambda: self.bank.webhooks.handle(*notice))

    @rule(index=st.integers(0, 9))
    def somebody_looks(self, index: int) -> None:
        self._trying(lambda: self.bank.settlement.look(self._some(index)))

    @rule(hours=st.integers(0, 50))
    def time_passes_and_the_schedule_runs(self, hours: int) -> None:
        self.bank.clock.advance(hours * 3_600)
        self._trying(self.bank.settlement.reconcile)

    @rule(silent=st.sampled_from(["", "before"]))
    def the_gateway_falls_silent_or_speaks(self, silent: str) -> None:
        self.bank.gateway.silent = silent if self.number % 3 else ""

    @rule(before=st.booleans())
    def the_next_commit_crashes(self, before: bool) -> None:
        def crash() -> None:
            raise Crash

        setattr(self.bank.transactor, "before" if before else "after", crash)

    @rule(micros=st.integers(1, 10**8))
    def machines_use_money(self, micros: int) -> None:
        def use() -> None:
            change = self.bank.ledger.change(CUSTOMER, self.bank.clock.now())
            change.post(EntryType.USAGE, -micros, Operator.USAGE, reference="dep_1")
            self.bank.transactor.commit(change.writes())

        self._trying(lambda: with_fresh_reads(use, stale=frozenset({ACCOUNT_UNCHANGED})))

    @rule(micros=st.integers(1, 10**9))
    def a_customer_sets_money_aside(self, micros: int) -> None:
        def hold() -> None:
            change = self.bank.ledger.change(CUSTOMER, self.bank.clock.now())
            change.place_hold(f"dep_{self._next()}", micros)
            assert change.account.available_micros >= 0
            self.bank.transactor.commit(change.writes())

        self._trying(hold)

    @invariant()
    def the_books_are_right(self) -> None:
        entries = list(self.bank.ledger_records.all_entries(CUSTOMER))
        account = self.bank.ledger_records.account(CUSTOMER)
        assert account is not None
        assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
        assert account.posted_micros == sum(entry.change_micros for entry in entries)
        holds = list(self.bank.ledger_records.holds(CUSTOMER))
        assert account.held_micros == sum(hold.amount_micros for hold in holds)
        gateway_side = sum(-entry.change_micros for entry in entries if entry.type in _GATEWAYS)
        operator_side = sum(-entry.change_micros for entry in entries if entry.type not in _GATEWAYS)
        assert account.posted_micros + gateway_side + operator_side == 0

    def teardown(self) -> None:
        """At the end, fetch everything again, and check that the ledger equals the gateway's state."""
        self.bank.gateway.silent = ""
        self.bank.transactor.before = self.bank.transactor.after = None
        for top_up in self.known:
            self.bank.settlement.look(top_up)
            self.bank.settlement.look(top_up)
        entries = list(self.bank.ledger_records.all_entries(CUSTOMER))
        booked = sum(entry.change_micros for entry in entries if entry.type in _GATEWAYS)
        assert booked == sum(_truth(self.bank))
        frozen = [h for h in self.bank.ledger_records.holds(CUSTOMER) if h.purpose is HoldPurpose.DISPUTE]
        still_open = [
            dispute
            for state in self.bank.gateway.states.values()
            for dispute in state.disputes
            if dispute.status is DisputeStatus.OPEN
        ]
        assert sum(hold.amount_micros for hold in frozen) == sum(d.amount.micros for d in still_open)


_GATEWAYS = frozenset({EntryType.TOP_UP, EntryType.REFUND, EntryType.CHARGEBACK})


def _truth(bank: Bank) -> Iterator[int]:
    for state in bank.gateway.states.values():
        yield from (payment.amount.micros for payment in state.payments)
        yield from (-refund.amount.micros for refund in state.refunds if refund.status is RefundStatus.DONE)
        yield from (-dispute.amount.micros for dispute in state.disputes if dispute.status is DisputeStatus.LOST)


Books.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestBooks = Books.TestCase
