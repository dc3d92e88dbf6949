"""`Idempotency-Key`, through the door, on a real engine (G44)."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from threading import Event

import pytest
from pydantic import Field

from chalicelib.adapters.dynamodb.foundation.access import DynamoIdempotencyRecords
from chalicelib.domain.cloud.providers.errors import CapacityUnavailable
from chalicelib.domain.foundation.access.models import ClaimState, Principal, StoredAnswer
from chalicelib.http.callers import Caller
from chalicelib.http.models import ApiModel
from chalicelib.kernel.limits import IDEMPOTENCY_KEY_TTL_SECONDS
from chalicelib.kernel.transactions import TransactionContended
from tests.fakes.access import FakeActivityLog, FakeAuthenticator, principal
from tests.support.api import Answer
from tests.support.clock import SettableClock
from tests.support.doors import TestDoor
from tests.support.engine import Engine
from tests.support.parts import give

pytestmark = pytest.mark.guarantee("G44")

KEY = {"Idempotency-Key": "order-1"}
LEASE_SECONDS = 20


class Order(ApiModel):
    """An order, and the number of times that it was placed."""

    amount: int = Field(ge=1)
    times: int = 0


class Shop:
    """An endpoint whose effect can be counted and made to fail."""

    def __init__(self) -> None:
        self.effects: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self.entered, self.may_go_on = Event(), Event()
        self.may_go_on.set()

        def place_order(request: Order, caller: Caller) -> Order:
            """Place an order."""
            self.entered.set()
            self.may_go_on.wait(timeout=10)
            if self.failure:
                raise self.failure
            self.effects[caller.customer_id] += 1
            return Order(amount=request.amount, times=self.effects[caller.customer_id])

        self.door = TestDoor(place_order, status=202, idempotent=True, rate_limited=False)

    def order(self, amount: int, token: str = "ann", headers: dict[str, str] | None = None) -> Answer:
        return self.door.call({"amount": amount}, token=token, headers=KEY if headers is None else headers)


@pytest.fixture
def ann() -> Principal:
    return principal()


@pytest.fixture
def log() -> FakeActivityLog:
    return FakeActivityLog()


@pytest.fixture
def shop(
    table: Engine, clock: SettableClock, ann: Principal, log: FakeActivityLog, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    elsewhere = replace(ann, customer_id=principal().customer_id)
    people = {"ann": ann, "ann-elsewhere": elsewhere, "bob": principal()}
    give(people={"authenticator": FakeAuthenticator(people)})
    give(foundation={"activity_log": log})
    return Shop()


def test_g44_a_repeat_gets_the_first_answer_and_is_marked(shop: Shop, log: FakeActivityLog) -> None:
    first, second = shop.order(5), shop.order(5)
    assert (first.status, first.data["times"]) == (202, 1)
    assert (second.status, second.text) == (first.status, first.text)
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert len(log.activities) == 1


def test_g44_the_same_key_with_another_body_is_refused(shop: Shop) -> None:
    shop.order(5)
    answer = shop.order(6)
    assert (answer.status, answer.code) == (422, "IDEMPOTENCY_CONFLICT")
    assert sum(shop.effects.values()) == 1


def test_g44_a_body_that_means_the_same_is_the_same(shop: Shop) -> None:
    shop.door.call(text='{"amount":5,"times":0}', token="ann", headers=KEY)
    answer = shop.door.call(text=' { "times" : 0 , "amount" : 5 } ', token="ann", headers=KEY)
    assert answer.headers["Idempotency-Replayed"] == "true"


def test_g44_without_a_key_each_request_is_its_own(shop: Shop) -> None:
    assert [shop.order(5, headers={}).data["times"] for _ in range(3)] == [1, 2, 3]


def test_g44_a_key_belongs_to_its_user_and_customer(shop: Shop) -> None:
    assert [shop.order(5, token=name).data["times"] for name in ("ann", "bob", "ann-elsewhere")] == [1, 1, 1]


def test_g44_a_second_request_during_the_first_is_told_to_come_again(shop: Shop) -> None:
    shop.may_go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(shop.order, 5)
        assert shop.entered.wait(timeout=10)
        second = shop.order(5)
        shop.may_go_on.set()
        assert first.result().status == 202
    assert (second.status, second.code, second.headers["Retry-After"]) == (409, "IDEMPOTENCY_IN_PROGRESS", "1")
    assert shop.order(5).headers["Idempotency-Replayed"] == "true"


def test_g44_of_many_requests_at_once_one_is_done(shop: Shop) -> None:
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: shop.order(5), range(24)))
    assert {answer.status for answer in answers} <= {202, 409}
    assert any(answer.status == 202 for answer in answers)
    assert sum(shop.effects.values()) == 1


@pytest.mark.parametrize("failure", [CapacityUnavailable(), TransactionContended("balance")])
def test_g44_what_was_refused_may_be_tried_again_with_its_key(shop: Shop, failure: Exception) -> None:
    shop.failure = failure
    assert shop.order(5).status in {409, 503}
    shop.failure = None
    assert shop.order(5).data["times"] == 1


def test_g44_what_failed_unknown_is_done_again_only_after_its_lease(shop: Shop, clock: SettableClock) -> None:
    shop.failure = RuntimeError("lost")
    assert shop.order(5).status == 500
    shop.failure = None
    assert shop.order(5).code == "IDEMPOTENCY_IN_PROGRESS"
    clock.advance(seconds=LEASE_SECONDS)
    assert shop.order(5).code == "IDEMPOTENCY_IN_PROGRESS"
    clock.advance(seconds=1)
    assert shop.order(6).code == "IDEMPOTENCY_CONFLICT"
    assert shop.order(5).data["times"] == 1


def test_g44_of_many_that_take_over_an_abandoned_claim_one_does(shop: Shop, clock: SettableClock) -> None:
    shop.failure = RuntimeError("lost")
    shop.order(5)
    shop.failure = None
    clock.advance(seconds=LEASE_SECONDS + 1)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: shop.order(5), range(8)))
    assert sum(shop.effects.values()) == 1


def test_g44_a_key_is_kept_for_24_hours(shop: Shop, clock: SettableClock) -> None:
    shop.order(5)
    clock.advance(seconds=IDEMPOTENCY_KEY_TTL_SECONDS)
    assert shop.order(5).headers["Idempotency-Replayed"] == "true"
    clock.advance(seconds=1)
    assert shop.order(6).data["times"] == 2


@pytest.mark.parametrize("key", ["", " ", "with space", "ä", "a" * 256, "tab\t", "\x00"])
def test_g44_a_malformed_key_is_refused(shop: Shop, key: str) -> None:
    answer = shop.order(5, headers={"Idempotency-Key": key})
    assert (answer.status, answer.code, answer.fields) == (400, "VALIDATION_ERROR", {"Idempotency-Key"})
    assert not shop.effects


class TestRecords:
    """Cases of the adapter that the door cannot cause."""

    @pytest.fixture
    def records(self, table: Engine) -> DynamoIdempotencyRecords:
        return DynamoIdempotencyRecords()

    def test_a_claim_that_was_taken_over_cannot_answer_or_release(
        self, records: DynamoIdempotencyRecords, clock: SettableClock
    ) -> None:
        records.claim("k", "slow", "f", clock.now(), lease_seconds=10)
        clock.advance(seconds=11)
        assert records.claim("k", "quick", "f", clock.now(), lease_seconds=10).state is ClaimState.FIRST
        records.answer("k", "slow", StoredAnswer(200, "slow"))
        records.release("k", "slow")
        assert records.claim("k", "third", "f", clock.now(), lease_seconds=10).state is ClaimState.IN_PROGRESS
        records.answer("k", "quick", StoredAnswer(200, "quick"))
        claim = records.claim("k", "third", "f", clock.now(), lease_seconds=10)
        assert claim.answer == StoredAnswer(200, "quick")

    def test_a_claim_whose_answer_was_lost_is_found_to_be_our_own(
        self, records: DynamoIdempotencyRecords, clock: SettableClock
    ) -> None:
        """The SDK repeats a write that had already arrived."""
        for _ in range(2):
            assert records.claim("k", "me", "f", clock.now(), lease_seconds=10).state is ClaimState.FIRST

    def test_records_remove_themselves(
        self, records: DynamoIdempotencyRecords, clock: SettableClock, table: Engine
    ) -> None:
        records.claim("k", "me", "f", clock.now(), lease_seconds=10)
        (item,) = table.items()
        expected = int(clock.now().timestamp()) + IDEMPOTENCY_KEY_TTL_SECONDS
        assert item["expires_at"] == {"N": str(expected)}


def test_g44_what_a_request_makes_has_a_key_of_that_request_alone(shop: Shop) -> None:
    """Another endpoint, actor, customer, content or key is another request; the same again is the same one."""
    seen: list[tuple[tuple[str, ...], str]] = []

    def door(name: str) -> TestDoor:
        def refuse(request: Order, caller: Caller) -> Order:
            """Refuse, so that the key may be used again."""
            seen.append(
                ((name, caller.principal.actor_id, caller.customer_id, str(request.amount)), caller.effect_key)
            )
            raise CapacityUnavailable

        refuse.__name__ = name
        return TestDoor(refuse, idempotent=True, rate_limited=False)

    for each in (door("buy_one"), door("buy_another")):
        for token, amount, key in product(("ann", "ann-elsewhere", "bob"), (1, 2), ("order-1", "order-2", "")):
            headers = {"Idempotency-Key": key} if key else {}
            for _ in range(2):
                assert each.call({"amount": amount}, token=token, headers=headers).status == 409
                seen[-1] = ((*seen[-1][0], key), seen[-1][1])
    named = {request: {key for other, key in seen if other == request} for request, _ in seen if request[-1]}
    assert {len(keys) for keys in named.values()} == {1}
    unnamed = [key for request, key in seen if not request[-1]]
    everything = [*unnamed, *(key for keys in named.values() for key in keys)]
    assert (len(named), len(unnamed)) == (24, 24)
    assert len(set(everything)) == 48
