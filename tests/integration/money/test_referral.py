"""Referrals through the API, the table's stream and the schedule, with real transactions."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.money.referral import DynamoReferralRecords
from chalicelib.adapters.dynamodb.money.top_ups import TopUpRecord
from chalicelib.domain.foundation.access.models import CustomerStatus, Role
from chalicelib.domain.money.ledger.errors import InsufficientBalance
from chalicelib.domain.money.ledger.models import Entry, EntryType
from chalicelib.domain.money.referral.codes import code_of, shown
from chalicelib.domain.money.referral.models import MAX_REWARDS, REWARD_MICROS, Referral
from chalicelib.domain.money.top_ups.models import (
    DISPUTABLE,
    Amount,
    Dispute,
    DisputeStatus,
    Payment,
    Refund,
    RefundStatus,
    TopUp,
    TopUpStatus,
    payer_mark,
)
from chalicelib.domain.money.transfers.models import TransferRequest
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.wiring.app import app
from functions.money.referral.workers import reconcile_referrals
from tests.fakes.identity import People
from tests.fakes.money import Crash, InterruptedTransactor
from tests.fakes.payments import FakeGateway
from tests.integration.money.test_transfers import open_customer
from tests.support.api import Answer, Api
from tests.support.changes import deliver_items
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give

DOLLAR = 1_000_000


@dataclass
class Person:
    """A person with a customer of their own."""

    api: Api
    user_id: str
    customer_id: str

    @property
    def code(self) -> str:
        return shown(code_of(self.customer_id))

    @property
    def posted(self) -> int:
        account = app().money.ledger_records.account(self.customer_id)
        assert account is not None
        return account.posted_micros

    @property
    def entries(self) -> list[Entry]:
        found = app().money.ledger_records.all_entries(self.customer_id)
        return [entry for entry in found if entry.type is EntryType.REWARD]

    def redeem(self, code: str) -> Answer:
        return self.api.post("/referral/redeem", {"code": code})

    def rewards(self) -> Any:
        return self.api.get("/referral/rewards").data

    def reward(self) -> tuple[str, str | None]:
        """The status and the reason of the only reward, from this person's history."""
        (found,) = DynamoReferralRecords().all_referrals(self.customer_id)
        return found.status, found.reason


@dataclass
class Town:
    """Ann, who refers customers, and the people whom she refers."""

    people: People
    table: Engine
    clock: SettableClock
    gateway: FakeGateway = field(default_factory=FakeGateway)

    def newcomer(self, name: str, ip: str) -> Person:
        people = People.__new__(People)
        people.__dict__.update(self.people.__dict__, api=Api(ip=ip))
        api = people.newcomer(f"{name}@example.com")
        me = api.get("/me").data
        return Person(api, me["user"]["id"], me["currentCustomerId"])

    def pay(self, person: Person, dollars: int = 25, payers: frozenset[str] = frozenset()) -> TopUp:
        """Pay and settle a top-up, without delivering its changes."""
        asked = person.api.post("/billing/topups/card", {"amount": f"{dollars}.00"}).data
        top_up = app().money.top_ups.get(person.customer_id, asked["id"])
        payment = Payment(f"ch_{top_up.id}", Amount(dollars * DOLLAR), self.clock.now())
        return self.tell(top_up, payments=(payment,), status=TopUpStatus.SETTLED, payers=payers)

    def tell(self, top_up: TopUp, **changes: object) -> TopUp:
        """Settle the gateway's present state of a top-up."""
        self.gateway.tell(str(top_up.provider_id), **changes)
        return app().money.settlement.look(top_up)

    def stream(self) -> None:
        """Deliver the present state of every top-up as a change."""
        items = [item for item in self.table.items() if item["kind"]["S"] == "TOP_UP"]
        deliver_items(items, "MODIFY")

    def change(self, kind: str, pk: str, change: Callable[[Any], Any]) -> None:
        """Change an item, as another process would."""
        (item,) = (i for i in self.table.items() if i["kind"]["S"] == kind and i["pk"]["S"] == pk)
        self.table.load([change(item)])


@pytest.fixture
def town(table: Engine, clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> Town:
    town = Town(People(Api(), table, monkeypatch), table, clock)
    give(money={"gateway": lambda _: town.gateway})
    return town


@pytest.fixture
def ann(town: Town) -> Person:
    return town.newcomer("ann", "198.51.100.1")


@pytest.fixture
def bob(town: Town) -> Person:
    return town.newcomer("bob", "198.51.100.2")


@pytest.fixture
def brought(ann: Person, bob: Person) -> Person:
    """Bob, whom Ann has referred."""
    assert bob.redeem(ann.code).status == 201
    return bob


def test_everybody_has_a_code_and_a_link(ann: Person, town: Town) -> None:
    before = town.table.items()
    shown_once = ann.api.get("/referral").data
    assert shown_once["code"] == ann.code
    assert shown_once["link"].endswith(f"/register?referral={ann.code}")
    assert shown_once["redeemed"] is None
    assert [item for item in town.table.items() if item not in before and item["kind"]["S"] != "COUNTER"] == []


def test_both_are_rewarded_when_the_first_payment_has_settled(ann: Person, brought: Person, town: Town) -> None:
    assert (ann.reward(), brought.reward()) == (("WAITING", None), ("WAITING", None))
    town.pay(brought, 25)
    town.stream()
    assert (ann.posted, brought.posted) == (REWARD_MICROS, 25 * DOLLAR + REWARD_MICROS)
    assert (ann.reward(), brought.reward()) == (("REWARDED", None), ("REWARDED", None))
    (shown_reward,) = ann.rewards()
    assert (shown_reward["side"], shown_reward["status"], shown_reward["reward"]["amount"]) == (
        "referrer",
        "REWARDED",
        "10.00",
    )
    stats = ann.api.get("/referral").data["stats"]
    assert (stats["rewarded"], stats["waiting"], stats["earned"]["amount"]) == (1, 0, "10.00")
    assert brought.api.get("/referral").data["redeemed"]["side"] == "referred"
    assert app().operations.proof.run().differences == ()


def test_neither_side_learns_who_the_other_is(ann: Person, brought: Person) -> None:
    assert brought.customer_id not in str(ann.rewards())
    assert ann.customer_id not in str(brought.rewards())


@pytest.mark.guarantee("G01")
def test_g01_a_lost_event_is_found_by_the_schedule(ann: Person, brought: Person, town: Town) -> None:
    town.pay(brought)
    assert reconcile_referrals({}, None) == {"looked": 0, "ended": 0}
    town.clock.advance(86_401)
    assert reconcile_referrals({}, None) == {"looked": 1, "ended": 0}
    assert (ann.posted, len(brought.entries)) == (REWARD_MICROS, 1)


@pytest.mark.guarantee("G01")
def test_g01_events_schedules_and_crashes_in_any_number_reward_once(
    ann: Person, brought: Person, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.pay(brought)
    transactor = InterruptedTransactor(app().core.transactor)
    give(core={"transactor": transactor})

    def die() -> None:
        raise Crash

    transactor.after = die
    with pytest.raises(Crash):
        app().money.referrals.look(brought.customer_id)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: app().money.referrals.look(brought.customer_id), range(16)))
    town.stream()
    assert (ann.posted, brought.posted) == (REWARD_MICROS, 25 * DOLLAR + REWARD_MICROS)
    assert (len(ann.entries), len(brought.entries)) == (1, 1)


@pytest.mark.guarantee("G01")
def test_g01_sixteen_looks_at_once_reward_once(ann: Person, brought: Person, town: Town) -> None:
    town.pay(brought)
    assert app().money.referrals is not None  # built once, before the threads
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: app().money.referrals.look(brought.customer_id), range(16)))
    assert (len(ann.entries), len(brought.entries), ann.posted) == (1, 1, REWARD_MICROS)


def test_a_small_payment_does_not_count_and_a_later_larger_one_does(
    ann: Person, brought: Person, town: Town
) -> None:
    town.pay(brought, 24)
    town.stream()
    assert ann.reward() == ("WAITING", None)
    town.pay(brought, 30)
    town.stream()
    assert ann.reward() == ("REWARDED", None)
    town.pay(brought, 100)
    town.stream()
    assert ann.posted == REWARD_MICROS


def refunded(top_up: TopUp) -> dict[str, object]:
    return {"refunds": (Refund("re_1", top_up.amount, RefundStatus.DONE),)}


def disputed(top_up: TopUp, status: DisputeStatus) -> dict[str, object]:
    return {"disputes": (Dispute("dp_1", top_up.amount, status),)}


@pytest.mark.guarantee("G09")
@pytest.mark.parametrize("by_schedule", [False, True], ids=["by-the-stream", "by-the-schedule"])
def test_g09_rewards_are_taken_back_with_the_payment_and_what_is_spent_is_debt(
    ann: Person, brought: Person, town: Town, *, by_schedule: bool
) -> None:
    top_up = town.pay(brought)
    town.stream()
    change = app().money.ledger.change(ann.customer_id, town.clock.now())
    change.post(EntryType.USAGE, -4 * DOLLAR, "operator:usage", reference="dep_1")
    app().core.transactor.commit(change.writes())
    town.tell(top_up, **refunded(top_up))
    if by_schedule:
        town.clock.advance(86_401)
        assert reconcile_referrals({}, None) == {"looked": 1, "ended": 1}
    else:
        town.stream()
        town.stream()
    assert (ann.posted, brought.posted) == (-4 * DOLLAR, 0)
    assert ann.reward() == brought.reward() == ("TAKEN_BACK", "payment_returned")
    town.tell(top_up, **disputed(top_up, DisputeStatus.LOST))
    town.stream()
    assert [entry.change_micros for entry in ann.entries] == [REWARD_MICROS, -REWARD_MICROS]


@pytest.mark.guarantee("G09")
@pytest.mark.parametrize(("ends", "status"), [(DisputeStatus.LOST, "TAKEN_BACK"), (DisputeStatus.WON, "REWARDED")])
def test_g09_a_dispute_takes_rewards_back_only_when_it_is_lost(
    ann: Person, brought: Person, town: Town, ends: DisputeStatus, status: str
) -> None:
    top_up = town.pay(brought)
    town.stream()
    town.tell(top_up, **disputed(top_up, DisputeStatus.OPEN))
    town.stream()
    assert ann.reward() == ("REWARDED", None)
    town.tell(top_up, **disputed(top_up, ends))
    town.stream()
    assert ann.reward()[0] == status
    assert ann.posted == (REWARD_MICROS if ends is DisputeStatus.WON else 0)


@pytest.mark.guarantee("G09")
def test_g09_a_dispute_that_outlasts_the_time_for_disputes_still_takes_rewards_back(
    ann: Person, brought: Person, town: Town
) -> None:
    top_up = town.pay(brought)
    town.stream()
    top_up = town.tell(top_up, **disputed(top_up, DisputeStatus.OPEN))
    town.clock.advance(DISPUTABLE / timedelta(seconds=1))
    assert reconcile_referrals({}, None) == {"looked": 1, "ended": 0}
    assert DynamoReferralRecords().revocable_micros(ann.customer_id) == REWARD_MICROS
    town.tell(top_up, **disputed(top_up, DisputeStatus.LOST))
    town.clock.advance(86_401)
    assert reconcile_referrals({}, None) == {"looked": 1, "ended": 1}
    assert (ann.posted, ann.reward()) == (0, ("TAKEN_BACK", "payment_returned"))


@pytest.mark.guarantee("G09")
def test_g09_a_payment_that_is_refunded_years_later_takes_its_rewards_along(
    ann: Person, brought: Person, town: Town
) -> None:
    top_up = town.pay(brought)
    town.stream()
    town.clock.advance(2 * DISPUTABLE / timedelta(seconds=1))
    assert reconcile_referrals({}, None) == {"looked": 1, "ended": 1}
    town.tell(top_up, **refunded(top_up))
    town.stream()
    assert (ann.posted, brought.posted) == (0, 0)
    assert ann.reward() == ("TAKEN_BACK", "payment_returned")


def test_a_payment_that_went_back_before_it_was_seen_brings_nothing(
    ann: Person, brought: Person, town: Town
) -> None:
    """The events come in another order: the refund is posted before the payment is examined."""
    top_up = town.pay(brought)
    town.tell(top_up, **refunded(top_up))
    town.stream()
    assert (ann.posted, ann.reward()) == (0, ("WAITING", None))


def test_who_pays_with_the_referrers_card_gets_nothing_and_sees_why(
    ann: Person, brought: Person, town: Town
) -> None:
    card = frozenset({payer_mark("card", "the same")})
    town.pay(ann, payers=card)
    town.pay(brought, payers=card)
    town.stream()
    assert (ann.posted, brought.posted) == (25 * DOLLAR, 25 * DOLLAR)
    assert ann.reward() == brought.reward() == ("REFUSED", "same_payment_method")


def test_with_cards_of_their_own_both_get_it(ann: Person, brought: Person, town: Town) -> None:
    town.pay(ann, payers=frozenset({payer_mark("card", "Ann's")}))
    town.pay(brought, payers=frozenset({payer_mark("card", "Bob's")}))
    town.stream()
    assert ann.reward() == ("REWARDED", None)


def test_one_card_brings_one_reward_however_many_accounts_pay_with_it(
    ann: Person, brought: Person, town: Town
) -> None:
    card = frozenset({payer_mark("card", "one for all")})
    eve = town.newcomer("eve", "198.51.100.3")
    assert eve.redeem(ann.code).status == 201
    town.pay(brought, payers=card)
    town.stream()
    town.pay(eve, payers=card)
    town.stream()
    assert (ann.posted, brought.posted, eve.posted) == (REWARD_MICROS, 25 * DOLLAR + REWARD_MICROS, 25 * DOLLAR)
    assert eve.reward() == ("REFUSED", "same_payment_method")


def test_of_two_who_pay_with_one_card_at_once_one_is_rewarded(ann: Person, brought: Person, town: Town) -> None:
    card = frozenset({payer_mark("card", "one for all")})
    eve = town.newcomer("eve", "198.51.100.3")
    assert eve.redeem(ann.code).status == 201
    both = (brought, eve)
    for person in both:
        town.pay(person, payers=card)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: app().money.referrals.look(one.customer_id), both * 4))
    assert ann.posted == REWARD_MICROS
    assert sorted(one.reward()[0] for one in both) == ["REFUSED", "REWARDED"]


def test_who_became_a_member_of_the_other_customer_gets_nothing(ann: Person, brought: Person, town: Town) -> None:
    def in_bobs(item: Any) -> Any:
        keys = {"sk": {"S": f"MEMBERSHIP#{brought.customer_id}"}}
        return {**item, **keys, "gsi1pk": {"S": f"MEMBERS#{brought.customer_id}"}}

    town.change("MEMBERSHIP", f"USER#{ann.user_id}", in_bobs)
    town.pay(brought)
    town.stream()
    assert ann.reward() == ("REFUSED", "same_people")


@pytest.mark.parametrize("status", [CustomerStatus.BLOCKED, CustomerStatus.CLOSED])
def test_a_referrer_that_is_blocked_or_closed_gets_nothing(
    ann: Person, brought: Person, town: Town, status: CustomerStatus
) -> None:
    pk = f"CUSTOMER#{ann.customer_id}"
    town.change("CUSTOMER", pk, lambda item: {**item, "status": {"S": status.value}})
    town.pay(brought)
    town.stream()
    assert (ann.posted, brought.posted) == (0, 25 * DOLLAR)
    assert brought.reward() == ("REFUSED", "not_active")


def rewarded(ann: Person, count: int, town: Town) -> None:
    """Give Ann `count` rewards."""
    records = DynamoReferralRecords()
    for number in range(count):
        now, other = town.clock.now(), f"cus_{number:026d}"
        earlier = Referral(new_id(Kind.REFERRAL, now), ann.customer_id, other, f"usr_{number}", now)
        app().core.transactor.commit(records.insert_referral(earlier))
        app().core.transactor.commit(records.replace_referral(earlier, earlier.rewarded("top_1", now)))


def test_a_referrer_gets_so_many_rewards_and_no_more(ann: Person, brought: Person, town: Town) -> None:
    rewarded(ann, MAX_REWARDS, town)
    town.pay(brought)
    town.stream()
    assert (ann.posted, brought.reward()) == (0, ("REFUSED", "limit"))


def test_the_last_reward_is_given_once_though_two_are_looked_at_together(
    ann: Person, brought: Person, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another customer's reward comes between the count of rewards and the transaction that adds one."""
    eve = town.newcomer("eve", "198.51.100.3")
    assert eve.redeem(ann.code).status == 201
    rewarded(ann, MAX_REWARDS - 1, town)
    town.pay(brought)
    town.pay(eve)
    counted = DynamoReferralRecords.all_referrals
    waiting = [eve]

    def then_eve(records: DynamoReferralRecords, customer_id: str) -> Sequence[Referral]:
        found = counted(records, customer_id)
        if waiting:
            app().money.referrals.look(waiting.pop().customer_id)
        return found

    monkeypatch.setattr(DynamoReferralRecords, "all_referrals", then_eve)
    app().money.referrals.look(brought.customer_id)
    assert (eve.reward(), brought.reward()) == (("REWARDED", None), ("REFUSED", "limit"))


def test_one_referral_in_trouble_does_not_keep_the_others_from_their_reward(
    ann: Person, brought: Person, town: Town
) -> None:
    lost = town.pay(brought)
    town.stream()
    for number in range(3, 9):  # more than there are shards
        eve = town.newcomer(f"eve{number}", f"198.51.100.{number}")
        assert eve.redeem(ann.code).status == 201
        town.pay(eve)
    TopUpRecord(f"CUSTOMER#{brought.customer_id}", f"TOP_UP#{lost.id}").delete()
    town.clock.advance(86_401)
    with pytest.raises(ExceptionGroup) as failed:
        reconcile_referrals({}, None)
    assert len(failed.value.exceptions) == 1
    assert ann.posted == 7 * REWARD_MICROS


def test_who_never_pays_stops_waiting(ann: Person, brought: Person, town: Town) -> None:
    town.clock.advance(90 * 86_400)
    assert reconcile_referrals({}, None) == {"looked": 1, "ended": 1}
    found = DynamoReferralRecords().referral(brought.customer_id)
    assert found is not None
    assert (found.status, found.reason) == ("REFUSED", "no_payment")


class TestRedeeming:
    def test_it_works_however_the_code_is_written(self, ann: Person, bob: Person) -> None:
        assert bob.redeem(ann.code.lower().replace("-", " ")).status == 201

    def test_once(self, town: Town, ann: Person, brought: Person) -> None:
        again = brought.redeem(ann.code)
        assert (again.status, again.code) == (409, "CONFLICT")
        carl = town.newcomer("carl", "198.51.100.3")
        assert brought.redeem(carl.code).status == 409
        assert len(brought.rewards()) == 1

    def test_once_for_a_customer_whoever_of_its_people_asks(
        self, ann: Person, brought: Person, town: Town
    ) -> None:
        carl, dora = town.newcomer("carl", "198.51.100.3"), town.newcomer("dora", "198.51.100.4")

        def in_bobs(item: Any) -> Any:
            keys = {"sk": {"S": f"MEMBERSHIP#{brought.customer_id}"}}
            return {**item, **keys, "gsi1pk": {"S": f"MEMBERS#{brought.customer_id}"}}

        town.change("MEMBERSHIP", f"USER#{carl.user_id}", in_bobs)
        there = {"X-Customer-Id": brought.customer_id}
        again = carl.api.post("/referral/redeem", {"code": dora.code}, headers=there)
        assert (again.status, again.code) == (409, "CONFLICT")
        assert len(brought.rewards()) == 1

    def test_once_for_a_person_whatever_customers_they_open(
        self, ann: Person, brought: Person, town: Town
    ) -> None:
        dora = town.newcomer("dora", "198.51.100.4")
        second = open_customer("bob@example.com", town.clock)
        again = brought.api.post("/referral/redeem", {"code": dora.code}, headers={"X-Customer-Id": second})
        assert (again.status, again.code) == (409, "CONFLICT")
        assert DynamoReferralRecords().referral(second) is None

    def test_of_two_at_once_one_is_redeemed(self, town: Town, ann: Person, bob: Person) -> None:
        carl = town.newcomer("carl", "198.51.100.3")
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda person: bob.redeem(person.code).status, (ann, carl)))
        assert sorted(answers) == [201, 409]
        assert len(bob.rewards()) == 1

    def test_not_ones_own(self, ann: Person) -> None:
        refused = ann.redeem(ann.code)
        assert (refused.status, refused.fields) == (400, {"code"})

    def test_not_that_of_an_organisation_one_belongs_to(self, ann: Person, bob: Person, town: Town) -> None:
        def in_anns(item: Any) -> Any:
            keys = {"sk": {"S": f"MEMBERSHIP#{ann.customer_id}"}, "role": {"S": Role.VIEWER.value}}
            return {**item, **keys, "gsi1pk": {"S": f"MEMBERS#{ann.customer_id}"}}

        town.change("MEMBERSHIP", f"USER#{bob.user_id}", in_anns)
        assert bob.redeem(ann.code).fields == {"code"}

    def test_not_that_of_somebody_one_has_brought(self, ann: Person, brought: Person) -> None:
        assert ann.redeem(brought.code).fields == {"code"}

    def test_not_from_the_network_from_which_the_referrer_came(self, town: Town) -> None:
        first = town.newcomer("first", "2001:db8:5:6::1")
        second = town.newcomer("second", "2001:db8:5:6:7::2")
        refused = second.redeem(first.code)
        assert (refused.status, refused.code) == (403, "FORBIDDEN")

    def test_not_from_where_the_referrer_lives(self, ann: Person, bob: Person) -> None:
        profile = {
            "kind": "individual",
            "name": "Somebody",
            "addressLines": ["Invalidenstr. 1"],
            "postalCode": "10115",
            "city": "Berlin",
            "country": "DE",
            "vatNumber": None,
            "timeZone": "Europe/Berlin",
        }
        assert ann.api.put("/account/billing-profile", profile).status == 200
        other = {**profile, "name": "Else", "addressLines": ["INVALIDENSTR 1"]}
        assert bob.api.put("/account/billing-profile", other).status == 200
        assert bob.redeem(ann.code).code == "FORBIDDEN"

    def test_within_thirty_days(self, ann: Person, bob: Person, town: Town) -> None:
        town.clock.advance(31 * 86_400)
        fresh = bob.api.post(
            "/auth/login", {"email": "bob@example.com", "password": "correct horse battery staple"}
        )
        answer = Api(fresh.data["accessToken"], bob.api.ip).post("/referral/redeem", {"code": ann.code})
        assert (answer.status, answer.code) == (409, "CONFLICT")

    def test_before_the_first_payment(self, ann: Person, bob: Person, town: Town) -> None:
        town.pay(bob, 5)
        assert bob.redeem(ann.code).code == "CONFLICT"

    def test_a_code_that_is_nobodys_and_one_with_a_typing_error(self, ann: Person, bob: Person) -> None:
        unknown = bob.redeem(shown(code_of("cus_nobody")))
        assert (unknown.status, unknown.code) == (404, "NOT_FOUND")
        last = "0" if ann.code[-1] != "0" else "1"
        assert bob.redeem(ann.code[:-1] + last).fields == {"code"}

    def test_attempts_are_limited(self, ann: Person, bob: Person) -> None:
        for _ in range(10):
            assert bob.redeem(shown(code_of("cus_nobody"))).status == 404
        assert bob.redeem(ann.code).code == "RATE_LIMITED"
        assert bob.rewards() == []


@pytest.mark.guarantee("G07")
def test_g07_a_reward_that_may_be_taken_back_is_not_sent_away(ann: Person, brought: Person, town: Town) -> None:
    """After half a year it cannot be taken back."""
    town.pay(brought)
    town.stream()
    transfers, second = app().money.transfers, open_customer("ann@example.com", town.clock)
    revocable = DynamoReferralRecords().revocable_micros
    assert revocable(ann.customer_id) == REWARD_MICROS
    wish = TransferRequest(ann.customer_id, second, "1.00", "", ann.user_id)
    with pytest.raises(InsufficientBalance):
        transfers.send(wish, "early")
    town.clock.advance(181 * 86_400)
    reconcile_referrals({}, None)
    assert revocable(ann.customer_id) == 0
    assert transfers.send(replace(wish, amount="10.00"), "late").amount_micros == REWARD_MICROS
