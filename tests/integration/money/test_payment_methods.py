"""Saved cards through the API, with the real gateway on the simulated Stripe."""

from collections.abc import Iterator

import pytest

from dev.simulators.faults import RequestFault
from tests.contract.stripe_lab import StripeLab
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give
from tests.support.world import Person, World, WorldBuilder

PATH = "/billing/payment-methods"


@pytest.fixture
def lab() -> Iterator[StripeLab]:
    made = StripeLab()
    yield made
    made.close()


@pytest.fixture
def world(
    builder: WorldBuilder, lab: StripeLab, engine: Engine, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> World:
    world = builder.build(engine, clock, monkeypatch)
    give(money={"gateway": lambda _: lab.gateway})
    return world


def save(person: Person, lab: StripeLab) -> str:
    """Save a card as the front end does; return its id."""
    secret = person.api.post(PATH).data["clientSecret"]
    lab.save(secret.partition("_secret")[0])
    newest = person.api.get(PATH).data[0]
    return str(newest["id"])


def test_a_card_is_saved_and_listed(world: World, lab: StripeLab) -> None:
    assert world.ann.api.get(PATH).data == []
    method_id = save(world.ann, lab)
    (listed,) = world.ann.api.get(PATH).data
    assert (listed["id"], listed["label"], listed["isDefault"]) == (method_id, "Visa ending in 4242", True)
    assert world.bob.api.get(PATH).data == []


def test_one_is_the_default(world: World, lab: StripeLab) -> None:
    for _ in range(2):
        save(world.ann, lab)
    listed = world.ann.api.get(PATH).data
    assert [method["isDefault"] for method in listed] == [True, False]
    chosen = listed[1]["id"]
    assert world.ann.api.post(f"{PATH}/{chosen}/default").data["isDefault"] is True
    assert [method["isDefault"] for method in world.ann.api.get(PATH).data] == [False, True]
    world.ann.api.delete(f"{PATH}/{chosen}")
    (left,) = world.ann.api.get(PATH).data
    assert left["isDefault"] is True


@pytest.mark.guarantee("G41")
def test_g41_a_strangers_card_is_not_found(world: World, lab: StripeLab) -> None:
    method_id = save(world.ann, lab)
    for answer in (
        world.bob.api.delete(f"{PATH}/{method_id}"),
        world.bob.api.post(f"{PATH}/{method_id}/default"),
    ):
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert len(world.ann.api.get(PATH).data) == 1


def test_a_card_is_forgotten_once(world: World, lab: StripeLab) -> None:
    method_id = save(world.ann, lab)
    assert world.ann.api.delete(f"{PATH}/{method_id}").data == {"id": method_id}
    assert world.ann.api.get(PATH).data == []
    assert world.ann.api.delete(f"{PATH}/{method_id}").code == "NOT_FOUND"


def test_a_silent_provider_is_said(world: World, lab: StripeLab) -> None:
    lab.inject(RequestFault.CONNECTION_RESET, times=None)
    for answer in (world.ann.api.get(PATH), world.ann.api.post(PATH)):
        assert (answer.status, answer.code) == (502, "PAYMENT_PROVIDER_ERROR")
