"""Changes of the table, subscriptions to them, and the messages that carry them."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.kernel.dataclasses import dataclass

MAX_FIELDS = 8
MAX_FIELD_CHARACTERS = 512
"""With keys of at most 3 kB, ten messages of any characters fit into one request to SQS, which can have 1 MiB."""

_GROUP = re.compile(r"[\x21-\x7e]{1,128}")


class Event(StrEnum):
    """What happened to an item, as the table's stream names it."""

    INSERT = "INSERT"
    MODIFY = "MODIFY"
    REMOVE = "REMOVE"


@dataclass(frozen=True)
class Subscription:
    """The changes that one consumer receives: the kinds of items, and the events.

    A message has the item's keys and those of `fields`; the consumer reads anything else from the table. An
    `ordered` consumer receives the changes of one owner one after the other, in the order of the table.
    """

    consumer: str
    kinds: tuple[str, ...]
    on: tuple[Event, ...]
    fields: tuple[str, ...] = ()
    ordered: bool = False

    def __post_init__(self) -> None:
        """Refuse a subscription to nothing, and messages that could be too large."""
        if not self.kinds or not self.on:
            raise ValueError(f"{self.consumer} names no kind of item, or no event")
        if len(self.fields) > MAX_FIELDS:
            raise ValueError(f"{self.consumer} asks for more than {MAX_FIELDS} fields: let it read the item")

    @property
    def queue(self) -> str:
        """The name of the consumer's queue, without the installation's prefix."""
        return f"changes-{self.consumer}{self._suffix}"

    @property
    def dead_letters(self) -> str:
        """The name of the consumer's dead-letter queue, without the installation's prefix."""
        return f"dead-{self.consumer}{self._suffix}"

    @property
    def _suffix(self) -> str:
        return ".fifo" if self.ordered else ""

    def wants(self, change: "Change") -> bool:
        """Whether the consumer receives `change`."""
        return change.kind in self.kinds and change.event in self.on


@dataclass(frozen=True)
class Change:
    """An item that was inserted, modified or removed.

    The relay reads all short texts and numbers of the item into `fields`, as text. A consumer receives those that
    it declared and that the item has.
    """

    id: str
    """The event's id in the stream; a change that is delivered twice has the same id."""
    event: Event
    kind: str
    pk: str
    sk: str
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The first id in the partition key: of the customer that the item belongs to, if it has one."""
        parts = self.pk.split("#")
        return parts[1] if len(parts) > 1 else self.pk


@dataclass(frozen=True)
class Message:
    """A change, as it is sent to one consumer."""

    id: str
    group: str
    body: str

    @classmethod
    def of(cls, change: Change, subscription: Subscription) -> "Message":
        """The message about `change` for the consumer of `subscription`."""
        fields = {name: change.fields[name] for name in subscription.fields if name in change.fields}
        keys = {"id": change.id, "event": change.event, "kind": change.kind, "pk": change.pk, "sk": change.sk}
        return cls(change.id, _group(change.owner), json.dumps({**keys, "fields": fields}))


def read_message(body: str) -> Change:
    """The change in a message's body."""
    read: dict[str, Any] = json.loads(body)
    return Change(read["id"], Event(read["event"]), read["kind"], read["pk"], read["sk"], read["fields"])


def _group(owner: str) -> str:
    """`owner`, or its hash if SQS does not accept it as the id of a message group."""
    return owner if _GROUP.fullmatch(owner) else hashlib.sha256(owner.encode()).hexdigest()


@dataclass(frozen=True)
class Refusal:
    """A message that a queue refused."""

    message: Message
    reason: str


@dataclass(frozen=True)
class DeadLetter:
    """A message that a function could not process in five attempts."""

    id: str
    sent_at: datetime
    content: Mapping[str, Any]


@dataclass(frozen=True)
class DeadLetterCount:
    """The number of dead letters in a queue."""

    queue: str
    count: int
