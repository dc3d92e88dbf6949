"""Delivers changes of the table to their consumers inside a test, by the registry, as the relay and SQS do."""

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from chalicelib.adapters.dynamodb.foundation.stream import read_change
from chalicelib.domain.foundation.changes.models import Change, Message, Refusal, Subscription
from chalicelib.domain.foundation.changes.service import Relay
from chalicelib.runtime.registry import Changes, Function, load_all
from tests.support.engine import Item, Record

_numbers = itertools.count(1)


@cache
def consumers() -> Mapping[str, Function]:
    """All consumers of changes, by name."""
    return {function.name: function for function in load_all() if isinstance(function.trigger, Changes)}


def subscription_of(consumer: str) -> Subscription:
    """The subscription of a consumer."""
    trigger = consumers()[consumer].trigger
    assert isinstance(trigger, Changes)
    return trigger.subscription


def record_of(item: Item, event: str = "INSERT") -> Record:
    """A record of the stream about `item`."""
    number = next(_numbers)
    image = "OldImage" if event == "REMOVE" else "NewImage"
    return {
        "eventID": f"{number:032x}",
        "eventName": event,
        "dynamodb": {"SequenceNumber": str(number), "Keys": {"pk": item["pk"], "sk": item["sk"]}, image: item},
    }


def event_of(bodies: Iterable[str], attempt: int = 1) -> Mapping[str, Any]:
    """The event that Lambda sends to a consumer: messages `1`, `2`, …, received for the `attempt`-th time."""
    records = [
        {
            "messageId": str(number),
            "receiptHandle": f"receipt-{number}",
            "body": body,
            "attributes": {"ApproximateReceiveCount": str(attempt)},
        }
        for number, body in enumerate(bodies, 1)
    ]
    return {"Records": records}


def event_for(consumer: str, items: Iterable[Item], event: str = "INSERT", attempt: int = 1) -> Mapping[str, Any]:
    """The event that Lambda sends to `consumer` after `items` have changed."""
    subscription = subscription_of(consumer)
    changes = [read_change(record_of(item, event)) for item in items]
    return event_of([Message.of(one, subscription).body for one in changes if subscription.wants(one)], attempt)


def deliver(records: Iterable[Record], to: Callable[[str], bool] = lambda _: True) -> None:
    """Deliver each change to every consumer that subscribes to it and whose name `to` accepts.

    Raises:
        AssertionError: a consumer could not process a change.
    """
    waiting = WaitingQueues()
    relay = Relay([subscription_of(name) for name in sorted(consumers()) if to(name)], waiting)
    for record in records:
        if record["dynamodb"].get("NewImage") or record["dynamodb"].get("OldImage"):
            relay.relay([read_change(record)])
            waiting.work_off()


def deliver_items(items: Iterable[Item], event: str = "INSERT") -> None:
    """Deliver `items` to their consumers, as if each had just been inserted or modified."""
    deliver([record_of(item, event) for item in items])


class WaitingQueues:
    """`ChangeQueues` whose messages wait until the test's own thread processes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.waiting: list[tuple[str, Message]] = []

    def send(self, subscription: Subscription, messages: Sequence[Message]) -> Sequence[Refusal]:
        """Accept all messages."""
        with self._lock:
            self.waiting += [(subscription.consumer, message) for message in messages]
        return ()

    def keep(self, subscription: Subscription, messages: Sequence[Message]) -> Sequence[Refusal]:
        """Never called: `send` accepts everything."""
        raise AssertionError(subscription, messages)

    def work_off(self) -> None:
        """Process every message, one consumer after the other."""
        waiting, self.waiting = sorted(self.waiting, key=lambda one: one[0]), []
        for consumer, message in waiting:
            answer = consumers()[consumer].handler(event_of([message.body]), None)
            assert answer == {"batchItemFailures": []}, consumer


class Postponed:
    """Records the pauses for which consumers postpone failed messages."""

    def __init__(self) -> None:
        self.seconds: list[int] = []

    def postpone(self, subscription: Subscription, receipt: str, seconds: int) -> None:
        """Record the pause."""
        self.seconds.append(seconds)


def change(kind: str, pk: str, sk: str, event: str = "INSERT", **fields: str) -> Change:
    """A change of an item with these keys and texts."""
    item = {"pk": {"S": pk}, "sk": {"S": sk}, "kind": {"S": kind}, **{k: {"S": v} for k, v in fields.items()}}
    return read_change(record_of(item, event))
