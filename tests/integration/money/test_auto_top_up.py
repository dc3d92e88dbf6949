"""Auto top-up through the API and its schedule, with the real gateway on the simulated Stripe."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.kernel.ids import Kind
from chalicelib.kernel.money import parse_amount
from chalicelib.wiring.app import app
from dev.simulators.faults import RequestFault
from functions.money.auto_top_up.workers import auto_top_up
from tests.contract.stripe_lab import StripeLab
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give
from tests.support.world import World, WorldBuilder

PATH = "/billing/auto-topup"
HOUR = 3600


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


def saved(world: World, lab: StripeLab, *, declines: bool = False) -> str:
    """Save a card as Ann; return its id."""
    secret = world.ann.api.post("/billing/payment-methods").data["clientSecret"]
    lab.save(secret.partition("_secret")[0], declines=declines)
    return str(world.ann.api.get("/billing/payment-methods").data[0]["id"])


def rule(method_id: str, **changes: Any) -> dict[str, Any]:
    """A rule that charges at once, because Ann has only about a thousand dollars."""
    wish = {"enabled": True, "lowLimit": "2000.00", "topUpAmount": "50.00", "monthlyCap": "500.00"}
    return {**wish, "methodId": method_id, **changes}


def posted(world: World) -> int:
    """Ann's balance in micro-dollars."""
    return parse_amount(world.ann.api.get("/billing/balance").data["posted"]["amount"])


def automatic(world: World) -> list[str]:
    """The states of the automatic top-ups, newest first."""
    listed = world.ann.api.get("/billing/topups").data
    return [top_up["status"] for top_up in listed if top_up["checkout"] is None]


@pytest.mark.guarantee("G10")
def test_g10_a_low_balance_is_charged_to_the_saved_card_once(world: World, lab: StripeLab) -> None:
    assert world.ann.api.get(PATH).data["enabled"] is False
    before = posted(world)
    kept = world.ann.api.put(PATH, rule(saved(world, lab))).data
    assert world.ann.api.get(PATH).data == kept
    for _ in range(3):
        auto_top_up({}, None)
    assert posted(world) - before == 50_000_000
    shown = world.ann.api.get(PATH).data
    assert (shown["chargedThisMonth"]["amount"], shown["inFlightTopUpId"]) == ("50.00", None)
    assert automatic(world) == ["SETTLED"]


@pytest.mark.guarantee("G10")
@pytest.mark.parametrize("exchange", range(8))
def test_g10_a_lost_answer_does_not_charge_twice(world: World, lab: StripeLab, exchange: int) -> None:
    before = posted(world)
    world.ann.api.put(PATH, rule(saved(world, lab)))
    lab.inject(RequestFault.DROP_AFTER_EFFECT, after=exchange)
    for _ in range(3):
        auto_top_up({}, None)
    assert posted(world) - before == 50_000_000
    assert automatic(world) == ["SETTLED"]


@pytest.mark.guarantee("G10")
def test_g10_three_declines_pause(world: World, lab: StripeLab, engine: Engine, clock: SettableClock) -> None:
    world.ann.api.put(PATH, rule(saved(world, lab, declines=True)))
    for _ in range(5):
        auto_top_up({}, None)
        clock.advance(HOUR)
    paused = app().money.auto_top_ups.get(world.ann.ids[Kind.CUSTOMER])
    assert paused is not None
    assert (paused.paused, paused.declines, paused.month_micros) == (True, 3, 0)
    letters = [item["letter_kind"]["S"] for item in engine.items() if item["kind"]["S"] == "LETTER"]
    assert letters.count("auto_top_up_paused") == 1


def test_a_strangers_card_and_a_small_cap_are_refused(world: World, lab: StripeLab) -> None:
    method_id = saved(world, lab)
    stranger = world.bob.api.put(PATH, rule(method_id))
    assert (stranger.status, stranger.fields) == (400, {"methodId"})
    small = world.ann.api.put(PATH, rule(method_id, monthlyCap="49.99"))
    assert (small.status, small.fields) == (400, {"monthlyCap"})
