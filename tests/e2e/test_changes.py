"""A consumer of changes fails, on the whole local cloud: other consumers continue, and a replay repairs it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from dev.demo.checks import await_value
from dev.demo.client import Client
from dev.demo.people import Person, mailed_token
from tests.e2e.matrix import Controls, Customer
from tests.support.cloud import LocalCloud

pytestmark = [pytest.mark.xdist_group("cloud"), pytest.mark.guarantee("G39")]

CONSUMER = "update_directory"
QUEUE = f"/v1/admin/dead-letters/{CONSUMER}"
CUSTOMERS = "/v1/admin/customers"
ATTEMPTS = 5
DEAD_SECONDS = 180.0
"""Five attempts, 9 s apart: six times the consumer's timeout, on a cloud that waits a tenth as long."""


@pytest.fixture
def controls(cloud: LocalCloud) -> Controls:
    return Controls(cloud)


@pytest.fixture
def customer(cloud: LocalCloud, controls: Controls, owner: Client) -> Customer:
    """The customer whose change will fail; all its earlier changes have been processed."""
    customer = Customer(cloud, controls, owner, 39)
    wait_until_found(owner, customer.id)
    return customer


@dataclass(frozen=True)
class Poison:
    """A change at which its consumer always fails, and a search word that would find its effect."""

    word: str
    heal: Callable[[], object]


@pytest.fixture
def poison(controls: Controls, customer: Customer, owner: Client) -> Iterator[Poison]:
    """Rename the customer; the directory's consumer fails at this change."""
    word = f"poison{customer.id[-12:].lower()}"
    fault = controls.inject({"function": CONSUMER, "kind": "before", "contains": customer.id, "times": 1_000})
    renamed = {"company": f"{word} Ltd", "reason": "a change that one consumer cannot handle"}
    _ = owner.call("PATCH", f"{CUSTOMERS}/{customer.id}", body=renamed).data
    await_value("the poison to strike", lambda: controls.fired(fault) or None, deadline_seconds=30)
    yield Poison(word, lambda: controls.withdraw(fault))
    _ = httpx.delete(f"{controls.endpoints['control']}/faults/{fault}", timeout=30)


def invocations(controls: Controls, function: str, contains: str) -> list[dict[str, Any]]:
    asked = {"function": function, "contains": contains}
    answer = httpx.get(f"{controls.endpoints['control']}/invocations", params=asked, timeout=30)
    found: list[dict[str, Any]] = answer.json()
    return found


def found_by(owner: Client, word: str) -> list[str]:
    """The customers that staff find by a word."""
    return [str(found["id"]) for found in owner.get(CUSTOMERS, search=word).data]


def wait_until_found(owner: Client, word: str) -> list[str]:
    return await_value(
        f"a customer to be found by {word}",
        lambda: found_by(owner, word) or None,
        deadline_seconds=30,
        pause_seconds=1,
    )


def dead_letters_of(owner: Client, customer: Customer) -> list[dict[str, Any]]:
    """The consumer's dead letters about the customer."""
    some = owner.get(QUEUE).data["some"]
    return [letter for letter in some if letter["content"]["pk"] == f"CUSTOMER#{customer.id}"]


def test_g39_a_poison_change_delays_nobody_else_and_a_replay_heals_it(
    cloud: LocalCloud, controls: Controls, customer: Customer, owner: Client, poison: Poison
) -> None:
    # The same customer's machine is built while the poison change is still retried, and its balance is watched.
    accepted = customer.create("montreal")
    customer.until(accepted["deploymentId"], lambda seen: seen["status"] == "ACTIVE")
    building_began = min(one["began"] for one in invocations(controls, "create_machine", customer.id))
    assert [one for one in invocations(controls, "follow_money", customer.id) if one["answer"]]

    # Letters are sent, and the same consumer processes changes of other customers.
    neighbour, visitor = Person.made_up("Untouched Neighbour"), cloud.visitor()
    _ = visitor.post("/auth/register", neighbour.registration()).data
    assert mailed_token(cloud.endpoints["mailbox"], neighbour.email)
    assert wait_until_found(owner, neighbour.email)

    # After five attempts, staff see the change among the dead letters.
    (letter,) = await_value(
        "the poison to be given up",
        lambda: dead_letters_of(owner, customer) or None,
        deadline_seconds=DEAD_SECONDS,
        pause_seconds=3,
    )
    attempts = invocations(controls, CONSUMER, letter["content"]["id"])
    assert len(attempts) == ATTEMPTS
    assert building_began < max(one["began"] for one in attempts)
    counts = {one["queue"]: one["count"] for one in owner.get("/v1/admin/dead-letters").data}
    assert counts.pop(CONSUMER) == 1
    assert set(counts.values()) == {0}
    assert found_by(owner, poison.word) == []

    # The cause is repaired, and the change is replayed.
    poison.heal()
    assert owner.post(f"{QUEUE}/replay", {"ids": [letter["id"]]}).data == {"replayed": 1}
    assert wait_until_found(owner, poison.word) == [customer.id]
    assert dead_letters_of(owner, customer) == []
