"""Refunds: held first, sent once, posted when done, and approved by two above a limit."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.foundation.approvals.models import (
    APPROVABLE_FOR,
    FOUR_EYES_ABOVE_MICROS,
    Approval,
    ApprovalStatus,
    Subject,
)
from chalicelib.domain.foundation.approvals.ports import Effect
from chalicelib.domain.foundation.approvals.service import Approvals
from chalicelib.domain.money.ledger.errors import InsufficientBalance
from chalicelib.domain.money.ledger.models import Account, EntryType, HoldPurpose
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.refunds.four_eyes import CreditEffect, FourEyes, RefundEffect
from chalicelib.domain.money.refunds.models import RefundOrder, RefundOrderStatus, RefundRequest
from chalicelib.domain.money.refunds.service import Refunds
from chalicelib.domain.money.top_ups.models import Amount, Method, Payment, RefundStatus, TopUp, TopUpStatus
from chalicelib.domain.money.top_ups.settlement import Settlement
from chalicelib.domain.money.top_ups.top_ups import TopUpRequest, TopUps
from chalicelib.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from chalicelib.kernel.pages import PageRequest
from tests.fakes.money import Crash, InterruptedTransactor, MemoryLedgerRecords, MemoryTable, MemoryTransactor
from tests.fakes.payments import FakeGateway, FixedRates, MemoryTopUpRecords
from tests.fakes.refunds import MemoryApprovalRecords, MemoryRefundRecords, RefundingGateway
from tests.support.clock import SettableClock

CUSTOMER = "cus_1"
DOLLAR = 1_000_000


class FakeCustomers:
    """`Customers` and `MembershipCheck` with one customer, which can be closed, and staff who are its members."""

    def __init__(self) -> None:
        self.closed = False
        self.member = ""

    def belongs(self, user_id: str, customer_id: str) -> bool:
        return user_id == self.member

    def is_closed(self, customer_id: str) -> bool:
        return self.closed


class Desk:
    """A customer who has paid, and staff who can refund it."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        table = MemoryTable()
        self.transactor = InterruptedTransactor(MemoryTransactor(table))
        self.top_up_records = MemoryTopUpRecords(table)
        self.books = MemoryLedgerRecords(table)
        self.ledger = Ledger(self.books, self.transactor, self.clock)
        self.transactor.commit(self.ledger.open_account(CUSTOMER))
        self.gateway: FakeGateway = RefundingGateway()
        self.rates = FixedRates()
        self.customers = FakeCustomers()
        self.settlement = Settlement(
            self.top_up_records, lambda _: self.gateway, self.ledger, self.rates, self.transactor, self.clock
        )
        self.refunds = Refunds(
            MemoryRefundRecords(table),
            self.top_up_records,
            lambda _: self.gateway,
            self.ledger,
            self.settlement,
            self.transactor,
            self.clock,
        )
        effects: dict[Subject, Effect] = {
            Subject.CREDIT: CreditEffect(self.ledger, self.customers, self.clock),
            Subject.REFUND: RefundEffect(self.refunds),
        }
        records = MemoryApprovalRecords(table)
        self.approvals = Approvals(records, self.customers, effects.__getitem__, self.transactor, self.clock)
        self.four_eyes = FourEyes(self.approvals, self.refunds, self.ledger, self.customers, self.clock)

    def paid(self, dollars: int = 50) -> TopUp:
        """A paid top-up."""
        top_ups = TopUps(
            self.top_up_records, lambda _: self.gateway, self.settlement, self.transactor, self.clock, "https://x"
        )
        amount = Amount(dollars * DOLLAR)
        top_up = top_ups.create(CUSTOMER, TopUpRequest("stripe", Method.CARD, amount), None)
        payment = Payment(f"ch_{top_up.id}", amount, self.clock.now())
        self.gateway.tell(str(top_up.provider_id), payments=(payment,), status=TopUpStatus.SETTLED)
        return self.settlement.look(top_up)

    def wish(self, top_up: TopUp, amount: str = "20.00") -> RefundRequest:
        return RefundRequest(top_up.id, amount, "Paid twice", "usr_a")

    def sent(self) -> list[str]:
        """The keys of the calls to the gateway."""
        assert isinstance(self.gateway, RefundingGateway)
        return self.gateway.asked

    @property
    def account(self) -> Account:
        account = self.books.account(CUSTOMER)
        assert account is not None
        return account

    def refunded(self) -> int:
        """The sum of the refunds in the ledger."""
        entries = self.books.all_entries(CUSTOMER)
        return -sum(entry.change_micros for entry in entries if entry.type is EntryType.REFUND)

    def holds(self) -> int:
        return len(list(self.books.holds(CUSTOMER)))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.guarantee("G09")
def test_g09_a_refund_is_a_new_entry(desk: Desk) -> None:
    top_up = desk.paid()
    order = desk.refunds.order(desk.wish(top_up), "one")
    assert order.status is RefundOrderStatus.DONE
    assert desk.refunded() == 20 * DOLLAR
    assert (desk.account.posted_micros, desk.account.held_micros, desk.holds()) == (30 * DOLLAR, 0, 0)


def test_the_same_key_is_the_same_refund(desk: Desk) -> None:
    top_up = desk.paid()
    first = desk.refunds.order(desk.wish(top_up), "one")
    again = desk.refunds.order(desk.wish(top_up), "one")
    assert again == first
    assert desk.sent() == [first.id]
    assert desk.refunds.list(top_up.id) == [first]


@pytest.mark.guarantee("G09")
def test_g09_what_is_being_refunded_cannot_be_spent(desk: Desk) -> None:
    top_up = desk.paid()
    desk.gateway.silent = "before"
    order = desk.refunds.order(desk.wish(top_up, "50.00"), "one")
    assert order.status is RefundOrderStatus.ORDERED
    change = desk.ledger.change(CUSTOMER, desk.clock.now())
    with pytest.raises(InsufficientBalance):
        change.place_hold("dep_1", 1, HoldPurpose.PROVISIONING)


def test_what_was_spent_is_not_sent_back(desk: Desk) -> None:
    top_up = desk.paid()
    change = desk.ledger.change(CUSTOMER, desk.clock.now())
    change.place_hold("dep_1", 40 * DOLLAR, HoldPurpose.PROVISIONING)
    desk.transactor.commit(change.writes())
    with pytest.raises(InsufficientBalance):
        desk.refunds.order(desk.wish(top_up), "one")
    assert desk.sent() == []


@pytest.mark.parametrize("silent", ["before", "after"])
def test_an_answer_that_did_not_come_is_looked_for(desk: Desk, silent: str) -> None:
    top_up = desk.paid()
    desk.gateway.silent = silent
    order = desk.refunds.order(desk.wish(top_up), "one")
    assert not order.status.is_final
    assert desk.account.held_micros == 20 * DOLLAR
    desk.gateway.silent = ""
    desk.clock.advance(121)
    assert desk.refunds.reconcile() == {"ended": 1, "waiting": 0}
    assert desk.refunded() == 20 * DOLLAR
    assert desk.sent() == [order.id]
    assert desk.account.held_micros == 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("commits", range(3))
def test_a_crash_anywhere_sends_and_books_once(desk: Desk, when: str, commits: int) -> None:
    """The process dies before or after each commit (place, post, end); then the request is repeated."""
    top_up = desk.paid()

    def crash() -> None:
        raise Crash

    def arm(left: int) -> Callable[[], None]:
        def next_one() -> None:
            setattr(desk.transactor, when, crash if left == 1 else arm(left - 1))

        return next_one

    if commits:
        desk.transactor.after = arm(commits)
    else:
        setattr(desk.transactor, when, crash)
    with pytest.raises(Crash):
        desk.refunds.order(desk.wish(top_up), "one")
    order = desk.refunds.order(desk.wish(top_up), "one")
    assert order.status is RefundOrderStatus.DONE
    assert len(set(desk.sent())) == 1
    assert desk.refunded() == 20 * DOLLAR
    assert (desk.account.held_micros, desk.holds()) == (0, 0)


@pytest.mark.parametrize("told_by", ["webhook", "reconciler"])
@pytest.mark.parametrize("outcome", [RefundStatus.DONE, RefundStatus.FAILED])
def test_a_pending_refund_keeps_its_hold_until_it_ends(desk: Desk, outcome: RefundStatus, told_by: str) -> None:
    top_up = desk.paid()
    assert isinstance(desk.gateway, RefundingGateway)
    desk.gateway.outcome = RefundStatus.PENDING
    order = desk.refunds.order(desk.wish(top_up), "one")
    assert (order.status, desk.account.held_micros) == (RefundOrderStatus.PENDING, 20 * DOLLAR)
    state = desk.gateway.states[str(top_up.provider_id)]
    desk.gateway.tell(state.provider_id, refunds=(replace(state.refunds[0], status=outcome),))
    if told_by == "webhook":
        desk.settlement.look(top_up)
        assert desk.account.held_micros == 0
    desk.clock.advance(121)
    desk.refunds.reconcile()
    (ended,) = desk.refunds.list(top_up.id)
    done = outcome is RefundStatus.DONE
    assert ended.status is (RefundOrderStatus.DONE if done else RefundOrderStatus.FAILED)
    assert bool(ended.failure) is not done
    assert desk.refunded() == (20 * DOLLAR if done else 0)
    assert desk.account.held_micros == 0


def test_a_refused_refund_gives_the_money_back_to_the_balance(desk: Desk) -> None:
    top_up = desk.paid()
    assert isinstance(desk.gateway, RefundingGateway)
    desk.gateway.refusal = "The card is closed."
    order = desk.refunds.order(desk.wish(top_up), "one")
    assert (order.status, order.failure) == (RefundOrderStatus.FAILED, "The card is closed.")
    assert (desk.account.held_micros, desk.account.posted_micros) == (0, 50 * DOLLAR)


def test_no_more_is_sent_back_than_was_paid(desk: Desk) -> None:
    first, _ = desk.paid(), desk.paid()
    desk.gateway.silent = "before"
    desk.refunds.order(desk.wish(first, "30.00"), "one")
    with pytest.raises(InvalidInput):
        desk.refunds.order(desk.wish(first, "20.01"), "two")
    desk.refunds.order(desk.wish(first, "20.00"), "three")


def test_two_orders_at_a_time_see_each_other(desk: Desk) -> None:
    first, _ = desk.paid(), desk.paid()
    desk.transactor.before = lambda: _ignore(desk.refunds.order(desk.wish(first, "30.00"), "other"))
    with pytest.raises(InvalidInput):
        desk.refunds.order(desk.wish(first, "30.00"), "one")
    assert desk.refunded() == 30 * DOLLAR


def _ignore(order: RefundOrder) -> None:
    assert order.status is RefundOrderStatus.DONE


def test_what_the_payers_bank_sent_back_is_not_called_done(desk: Desk) -> None:
    """The ledger has the money back, and the order says so; another refund needs another key."""
    top_up = desk.paid()
    order = desk.refunds.order(desk.wish(top_up), "one")
    assert (order.status, desk.account.posted_micros) == (RefundOrderStatus.DONE, 30 * DOLLAR)
    state = desk.gateway.states[str(top_up.provider_id)]
    returned = tuple(replace(refund, status=RefundStatus.FAILED) for refund in state.refunds)
    desk.gateway.tell(state.provider_id, refunds=returned)
    desk.settlement.look(top_up)
    (listed,) = desk.refunds.list(top_up.id)
    assert (listed.id, listed.status, listed.failure != "") == (order.id, RefundOrderStatus.REVERSED, True)
    assert listed == desk.refunds.order(desk.wish(top_up), "one")
    assert (desk.account.held_micros, desk.account.posted_micros) == (0, 50 * DOLLAR)
    assert len(desk.sent()) == 1


@pytest.mark.parametrize("amount", ["0.00", "-5.00", "1.001", "much"])
def test_an_amount_that_is_none(desk: Desk, amount: str) -> None:
    with pytest.raises(InvalidInput):
        desk.refunds.order(desk.wish(desk.paid(), amount), "one")


def test_a_gateway_that_cannot_refund(desk: Desk) -> None:
    top_up = desk.paid()
    desk.gateway = FakeGateway(states=desk.gateway.states)
    with pytest.raises(Conflict):
        desk.refunds.order(desk.wish(top_up), "one")


def test_an_unknown_top_up(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.refunds.order(RefundRequest("top_x", "1.00", "Because", "usr_a"), "one")


def test_one_order_in_trouble_does_not_keep_the_others_waiting(desk: Desk) -> None:
    assert isinstance(desk.gateway, RefundingGateway)
    desk.gateway.outcome = RefundStatus.PENDING
    orders = [desk.refunds.order(desk.wish(desk.paid()), f"key{number}") for number in range(3)]
    desk.clock.advance(121)
    states = desk.gateway.states
    broken = next(found.provider_id for found in states.values() if found.refunds[0].key == orders[0].id)
    for provider_id, state in list(states.items()):
        done = replace(state.refunds[0], id=f"re_{provider_id}", status=RefundStatus.DONE)
        desk.gateway.tell(provider_id, refunds=(done,))
    del states[broken]
    with pytest.raises(ExceptionGroup) as failed:
        desk.refunds.reconcile()
    (trouble,) = failed.value.exceptions
    assert trouble.__notes__ == [orders[0].id]
    assert desk.refunded() == 40 * DOLLAR


class TestFourEyes:
    def large(self, desk: Desk) -> Approval:
        """A refund that a second member of the staff must approve."""
        made = desk.four_eyes.refund(desk.wish(desk.paid(3000), "1000.01"), "one")
        assert isinstance(made, Approval)
        assert desk.sent() == []
        return made

    def test_what_is_small_is_done_at_once(self, desk: Desk) -> None:
        top_up = desk.paid(3000)
        made = desk.four_eyes.refund(desk.wish(top_up, "1000.00"), "one")
        assert isinstance(made, RefundOrder)
        assert desk.four_eyes.refund(desk.wish(top_up, "1000.00"), "one") == made
        assert desk.four_eyes.credit(CUSTOMER, DOLLAR, reason="Sorry", asked_by="usr_a", key="k") is None
        assert desk.four_eyes.credit(CUSTOMER, DOLLAR, reason="Sorry", asked_by="usr_a", key="k") is None
        assert desk.account.posted_micros == 2001 * DOLLAR

    def test_a_large_refund_waits_for_a_second_of_the_staff(self, desk: Desk) -> None:
        approval = self.large(desk)
        decided = desk.approvals.approve(approval.id, "usr_b")
        assert (decided.status, decided.decided_by) == (ApprovalStatus.APPROVED, "usr_b")
        (order,) = desk.refunds.list(approval.request.about_id)
        assert (order.id, order.status) == (decided.effect_id, RefundOrderStatus.DONE)
        assert (order.asked_by, order.approved_by) == ("usr_a", "usr_b")
        assert desk.refunded() == 1_000_010_000

    def test_a_large_credit_waits_too(self, desk: Desk) -> None:
        micros = FOUR_EYES_ABOVE_MICROS + 1
        approval = desk.four_eyes.credit(CUSTOMER, micros, reason="Sorry", asked_by="usr_a", key="k")
        again = desk.four_eyes.credit(CUSTOMER, micros, reason="Sorry", asked_by="usr_a", key="k")
        assert approval is not None
        assert again == approval
        assert desk.account.posted_micros == 0
        decided = desk.approvals.approve(approval.id, "usr_b")
        (entry,) = desk.books.all_entries(CUSTOMER)
        assert (entry.id, entry.change_micros) == (decided.effect_id, micros)
        assert (entry.reason, entry.actor_user_id) == ("Sorry", "usr_a")
        assert list(desk.approvals.list(PageRequest(25, None)).items) == [decided]

    def credit(self, desk: Desk, dollars: int, key: str) -> Approval | None:
        return desk.four_eyes.credit(CUSTOMER, dollars * DOLLAR, reason="Sorry", asked_by="usr_a", key=key)

    def test_many_small_credits_are_a_large_one(self, desk: Desk) -> None:
        assert self.credit(desk, 600, "one") is None
        assert self.credit(desk, 400, "two") is None
        approval = self.credit(desk, 1, "three")
        assert approval is not None
        assert desk.account.posted_micros == 1000 * DOLLAR
        assert self.credit(desk, 400, "two") is None, "it was given already"
        desk.approvals.approve(approval.id, "usr_b")
        desk.clock.advance(86_401)
        assert self.credit(desk, 1000, "four") is None, "another day"
        assert desk.account.posted_micros == 2001 * DOLLAR

    def test_what_two_have_given_does_not_count(self, desk: Desk) -> None:
        large = self.credit(desk, 5000, "one")
        assert large is not None
        desk.approvals.approve(large.id, "usr_b")
        assert self.credit(desk, 1000, "two") is None
        assert desk.account.posted_micros == 6000 * DOLLAR

    def test_of_two_small_credits_at_once_the_second_sees_the_first(self, desk: Desk) -> None:
        def another() -> None:
            assert self.credit(desk, 600, "one") is None

        desk.transactor.before = another
        assert self.credit(desk, 600, "two") is not None
        assert desk.account.posted_micros == 600 * DOLLAR

    def test_many_small_refunds_of_one_payment_are_a_large_one(self, desk: Desk) -> None:
        top_up = desk.paid(3000)
        assert isinstance(desk.four_eyes.refund(desk.wish(top_up, "600.00"), "one"), RefundOrder)
        approval = desk.four_eyes.refund(desk.wish(top_up, "400.01"), "two")
        assert isinstance(approval, Approval)
        desk.approvals.approve(approval.id, "usr_b")
        assert isinstance(desk.four_eyes.refund(desk.wish(top_up, "400.00"), "three"), RefundOrder)
        assert desk.refunded() == 1_400_010_000

    def test_of_two_small_refunds_at_once_the_second_sees_the_first(self, desk: Desk) -> None:
        top_up = desk.paid(3000)

        def another() -> None:
            assert isinstance(desk.four_eyes.refund(desk.wish(top_up, "600.00"), "one"), RefundOrder)

        desk.transactor.before = another
        assert isinstance(desk.four_eyes.refund(desk.wish(top_up, "600.00"), "two"), Approval)
        assert desk.refunded() == 600 * DOLLAR

    def test_a_closed_account_is_given_nothing(self, desk: Desk) -> None:
        approval = self.credit(desk, 1001, "one")
        assert approval is not None
        desk.customers.closed = True
        with pytest.raises(Conflict):
            self.credit(desk, 1, "two")
        with pytest.raises(Conflict):
            self.credit(desk, 1001, "three")
        with pytest.raises(Conflict):
            desk.approvals.approve(approval.id, "usr_b")
        assert desk.approvals.reject(approval.id, "usr_b").status is ApprovalStatus.REJECTED
        assert desk.account.posted_micros == 0

    def test_nobody_gives_money_to_themselves(self, desk: Desk) -> None:
        approval = self.credit(desk, 1001, "one")
        assert approval is not None
        desk.customers.member = "usr_b"
        with pytest.raises(Forbidden):
            desk.approvals.approve(approval.id, "usr_b")
        desk.customers.member = "usr_a"
        for dollars in (1, 1001):
            with pytest.raises(Forbidden):
                self.credit(desk, dollars, "two")
        assert desk.account.posted_micros == 0
        assert desk.approvals.approve(approval.id, "usr_b").status is ApprovalStatus.APPROVED

    def test_nobody_approves_what_they_asked_for(self, desk: Desk) -> None:
        approval = self.large(desk)
        for decide in (desk.approvals.approve, desk.approvals.reject):
            with pytest.raises(Forbidden):
                decide(approval.id, "usr_a")
        assert desk.sent() == []

    def test_a_rejected_one_does_not_happen(self, desk: Desk) -> None:
        approval = self.large(desk)
        assert desk.approvals.reject(approval.id, "usr_b").status is ApprovalStatus.REJECTED
        with pytest.raises(Conflict):
            desk.approvals.approve(approval.id, "usr_c")
        assert desk.sent() == []

    def test_after_seven_days_it_is_too_late(self, desk: Desk) -> None:
        approval = self.large(desk)
        desk.clock.advance(APPROVABLE_FOR / timedelta(seconds=1))
        assert approval.status_at(desk.clock.now()) is ApprovalStatus.EXPIRED
        with pytest.raises(Conflict):
            desk.approvals.approve(approval.id, "usr_b")
        assert desk.sent() == []

    def test_of_two_who_decide_at_a_time_one_does(self, desk: Desk) -> None:
        approval = self.large(desk)
        desk.transactor.before = lambda: _rejected(desk.approvals.reject(approval.id, "usr_c"))
        with pytest.raises(Conflict):
            desk.approvals.approve(approval.id, "usr_b")
        assert desk.sent() == []
        assert desk.account.held_micros == 0

    def test_it_stays_undecided_while_the_money_is_not_there(self, desk: Desk) -> None:
        approval = self.large(desk)
        change = desk.ledger.change(CUSTOMER, desk.clock.now())
        hold = change.place_hold("dep_1", 2500 * DOLLAR, HoldPurpose.PROVISIONING)
        desk.transactor.commit(change.writes())
        with pytest.raises(InsufficientBalance):
            desk.approvals.approve(approval.id, "usr_b")
        change = desk.ledger.change(CUSTOMER, desk.clock.now())
        change.release_hold(hold)
        desk.transactor.commit(change.writes())
        assert desk.approvals.approve(approval.id, "usr_b").status is ApprovalStatus.APPROVED

    def test_a_crash_after_the_decision_leaves_a_refund_that_goes_on(self, desk: Desk) -> None:
        approval = self.large(desk)

        def crash() -> None:
            raise Crash

        desk.transactor.after = crash
        with pytest.raises(Crash):
            desk.approvals.approve(approval.id, "usr_b")
        desk.clock.advance(121)
        assert desk.refunds.reconcile() == {"ended": 1, "waiting": 0}
        assert desk.refunded() == 1_000_010_000


def _rejected(approval: Approval) -> None:
    assert approval.status is ApprovalStatus.REJECTED
