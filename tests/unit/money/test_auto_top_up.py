"""Auto top-up: one charge at a time, one an hour, a monthly cap, a pause after three declines."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.domain.money.auto_top_up.models import AutoTopUpRule, AutoTopUpSettings
from chalicelib.domain.money.auto_top_up.service import AutoTopUps
from chalicelib.domain.money.ledger.models import HoldPurpose
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.payment_methods.saved_charges import SavedCharges
from chalicelib.domain.money.payment_methods.service import PaymentMethods
from chalicelib.domain.money.top_ups.models import TopUp, TopUpStatus
from chalicelib.domain.money.top_ups.settlement import Settlement
from chalicelib.domain.people.accounts.models import LetterKind, User
from chalicelib.kernel.errors import InvalidInput
from tests.fakes.auto_top_up import ChargingGateway, MemoryActivities, MemoryAutoTopUpRecords, MemoryLetters
from tests.fakes.money import Crash, InterruptedTransactor, MemoryLedgerRecords, MemoryTable, MemoryTransactor
from tests.fakes.payments import FixedRates, MemoryTopUpRecords
from tests.support.clock import SettableClock

CUSTOMER = "cus_1"
DOLLAR = 1_000_000
HOUR = 3600
WISH = AutoTopUpSettings(
    enabled=True,
    low_limit_micros=20 * DOLLAR,
    amount_micros=50 * DOLLAR,
    method_id=f"pm_{CUSTOMER}",
    monthly_cap_micros=100 * DOLLAR,
)


class Nobody:
    """`PreferredMethods` without a method, and `UserLookup` without a user."""

    def get(self, user_id: str) -> User | None:
        return None

    def preferred(self, customer_id: str) -> str | None:
        return None

    def prefer(self, customer_id: str, method_id: str) -> None:
        raise AssertionError("nobody chooses here")


class House:
    """A customer with an empty balance and a saved card."""

    def __init__(self) -> None:
        self.clock = SettableClock(datetime(2031, 5, 4, 12, tzinfo=UTC))
        self.table = MemoryTable()
        self.transactor = InterruptedTransactor(MemoryTransactor(self.table))
        self.top_ups = MemoryTopUpRecords(self.table)
        self.ledger = Ledger(MemoryLedgerRecords(self.table), self.transactor, self.clock)
        self.transactor.commit(self.ledger.open_account(CUSTOMER))
        self.gateway = ChargingGateway()
        self.letters = MemoryLetters(self.table)
        self.activities = MemoryActivities()
        self.settlement = Settlement(
            self.top_ups, lambda _: self.gateway, self.ledger, FixedRates(), self.transactor, self.clock
        )
        self.rules = MemoryAutoTopUpRecords(self.table)
        self.auto = AutoTopUps(
            self.rules,
            PaymentMethods(Nobody(), lambda _: self.gateway, Nobody(), lambda: {"stripe"}),
            SavedCharges(self.top_ups, lambda _: self.gateway, self.settlement),
            self.ledger,
            self.letters,
            self.activities,
            self.transactor,
            self.clock,
        )

    def look(self) -> None:
        """Run the schedule."""
        self.auto.process_all()

    def spend(self) -> None:
        """Spend the whole balance."""
        posted = self.ledger.balance(CUSTOMER).posted_micros
        if posted:
            self.ledger.credit(
                CUSTOMER, -posted, reason="Spent", actor_user_id="", key=f"spent:{self.clock.now()}"
            )

    @property
    def rule(self) -> AutoTopUpRule:
        found = self.rules.rule(CUSTOMER)
        assert found is not None
        return found

    def made(self) -> list[TopUp]:
        """Every top-up."""
        return self.table.under(("top_up",), TopUp)

    @property
    def posted(self) -> int:
        return self.ledger.balance(CUSTOMER).posted_micros


@pytest.fixture
def house() -> House:
    house = House()
    house.auto.put(CUSTOMER, WISH)
    return house


def test_a_low_balance_is_topped_up(house: House) -> None:
    house.look()
    (top_up,) = house.made()
    assert (top_up.status, top_up.automatic, top_up.amount.micros) == (TopUpStatus.SETTLED, True, 50 * DOLLAR)
    assert house.posted == 50 * DOLLAR
    assert (house.rule.in_flight, house.rule.month_micros) == ("", 50 * DOLLAR)


def test_enough_is_left_alone(house: House) -> None:
    house.ledger.credit(CUSTOMER, 20 * DOLLAR, reason="Gift", actor_user_id="", key="gift")
    house.look()
    assert house.made() == []


@pytest.mark.guarantee("G09", "G10")
@pytest.mark.parametrize("purpose", [HoldPurpose.DISPUTE, HoldPurpose.REFUND])
def test_g10_frozen_money_is_no_reason_to_charge_the_card(house: House, purpose: HoldPurpose) -> None:
    house.ledger.credit(CUSTOMER, 30 * DOLLAR, reason="Gift", actor_user_id="", key="gift")
    change = house.ledger.change(CUSTOMER, house.clock.now())
    change.freeze("dp_1", 25 * DOLLAR, purpose)
    house.transactor.commit(change.writes())
    house.look()
    assert house.made() == []
    change = house.ledger.change(CUSTOMER, house.clock.now())
    change.place_hold("dep_1", 5 * DOLLAR, HoldPurpose.RUNNING)
    change.freeze("dep_2", 6 * DOLLAR, HoldPurpose.PROVISIONING)
    house.transactor.commit(change.writes())
    house.look()
    assert len(house.made()) == 1


def test_switched_off_is_off(house: House) -> None:
    house.auto.put(CUSTOMER, replace(WISH, enabled=False))
    house.look()
    assert house.made() == []


@pytest.mark.guarantee("G10")
def test_g10_at_most_one_an_hour(house: House) -> None:
    house.look()
    house.spend()
    house.clock.advance(HOUR - 1)
    house.look()
    assert len(house.made()) == 1
    house.clock.advance(1)
    house.look()
    assert len(house.made()) == 2


@pytest.mark.guarantee("G10")
def test_g10_the_monthly_cap_holds_until_the_next_month(house: House) -> None:
    for _ in range(5):
        house.look()
        house.spend()
        house.clock.advance(HOUR)
    assert len(house.made()) == 2
    house.clock.advance((datetime(2031, 6, 1, tzinfo=UTC) - house.clock.now()).total_seconds() - 1)
    house.look()
    assert len(house.made()) == 2
    house.clock.advance(1)
    house.look()
    assert len(house.made()) == 3
    assert house.rule.month_micros == 50 * DOLLAR


@pytest.mark.guarantee("G10")
def test_g10_saving_the_rule_again_does_not_lift_its_limits(house: House) -> None:
    house.look()
    house.spend()
    house.auto.put(CUSTOMER, WISH)
    house.look()
    assert len(house.made()) == 1
    assert house.rule.month_micros == 50 * DOLLAR


@pytest.mark.guarantee("G10")
def test_g10_three_declines_pause_with_a_letter_and_an_event(house: House) -> None:
    house.gateway.declines = True
    for _ in range(6):
        house.look()
        house.clock.advance(HOUR)
    assert [top_up.status for top_up in house.made()] == [TopUpStatus.FAILED] * 3
    assert (house.rule.paused, house.rule.month_micros) == (True, 0)
    assert house.letters.sent() == [LetterKind.AUTO_TOP_UP_PAUSED]
    actions = [activity.action for activity in house.activities.kept]
    assert actions == ["charge_auto_top_up", "charge_auto_top_up", "pause_auto_top_up"]
    house.gateway.declines = False
    house.auto.put(CUSTOMER, WISH)
    house.look()
    assert house.posted == 50 * DOLLAR
    assert house.rule.declines == 0


def test_declines_count_only_in_a_row(house: House) -> None:
    for number in range(6):
        house.gateway.declines = number % 3 != 2
        house.spend()
        house.look()
        house.clock.advance(HOUR)
    assert not house.rule.paused
    assert len(house.made()) == 6


def test_a_card_that_is_gone_counts_as_a_decline(house: House) -> None:
    house.gateway.forgotten = True
    house.look()
    (top_up,) = house.made()
    assert (top_up.status, top_up.failure) == (TopUpStatus.FAILED, "The card is not there any more.")
    assert house.rule.declines == 1


@pytest.mark.guarantee("G10")
def test_g10_the_gateways_id_is_kept_before_it_is_confirmed_and_looked_up_first(house: House) -> None:
    kept: list[str | None] = []
    house.gateway.confirming = lambda: kept.extend(top_up.provider_id for top_up in house.made())
    house.look()
    assert kept == [f"pi_{house.made()[0].id}"]
    assert house.gateway.calls == ["prepare", "fetch", "confirm"]


@pytest.mark.guarantee("G10")
@pytest.mark.parametrize("silent", ["before", "after"])
def test_g10_an_answer_that_did_not_come_is_looked_up_and_not_charged_again(house: House, silent: str) -> None:
    house.gateway.silent = silent
    for _ in range(3):
        house.look()
        house.clock.advance(60)
    assert house.rule.in_flight
    assert house.posted == 0
    house.gateway.silent = ""
    house.look()
    assert len(house.made()) == 1
    assert len(house.gateway.states) == 1
    assert house.posted == 50 * DOLLAR


@pytest.mark.guarantee("G10")
@pytest.mark.parametrize("commit", range(5))
@pytest.mark.parametrize("when", ["before", "after"])
def test_g10_a_crash_around_any_commit_charges_once(house: House, when: str, commit: int) -> None:
    """The commits: start, store the id, settle by fetch, settle by confirmation, end."""

    def crash() -> None:
        raise Crash

    def arm(left: int) -> None:
        def next_one() -> None:
            arm(left - 1)

        if left == 0:
            setattr(house.transactor, when, crash)
        else:
            house.transactor.after = next_one

    arm(commit)
    with pytest.raises((Crash, ExceptionGroup)):
        house.look()
    house.look()
    house.look()
    (top_up,) = house.made()
    assert top_up.status is TopUpStatus.SETTLED
    assert len(house.gateway.states) == 1
    assert (house.posted, house.rule.in_flight, house.rule.month_micros) == (50 * DOLLAR, "", 50 * DOLLAR)


@pytest.mark.guarantee("G10")
def test_g10_of_two_runs_at_a_time_one_charges(house: House) -> None:
    house.transactor.before = house.look
    house.look()
    assert len(house.made()) == 1
    assert house.posted == 50 * DOLLAR


def test_a_webhook_may_be_faster(house: House) -> None:
    house.gateway.silent = "after"
    house.look()
    house.gateway.silent = ""
    house.look()
    (top_up,) = house.made()
    house.settlement.look(top_up)
    house.look()
    assert (house.posted, house.rule.in_flight) == (50 * DOLLAR, "")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda settings: replace(settings, monthly_cap_micros=49 * DOLLAR), "monthlyCap"),
        (lambda settings: replace(settings, method_id="pm_of_another"), "methodId"),
    ],
)
def test_a_wish_that_cannot_be(
    house: House, change: Callable[[AutoTopUpSettings], AutoTopUpSettings], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        house.auto.put(CUSTOMER, change(WISH))
    assert [detail.field for detail in refused.value.details] == [field]
    assert house.rule.settings == WISH
