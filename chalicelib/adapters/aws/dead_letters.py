"""`DeadLetterQueues` with SQS."""

import json
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.aws.clients import sqs
from chalicelib.domain.foundation.changes.models import DeadLetter, Subscription
from chalicelib.kernel.dataclasses import dataclass

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageTypeDef

_MOST_MESSAGES = 10  # SQS: ReceiveMessage gives at most ten
_MOST_LOOKED_THROUGH = 500
_HIDDEN_SECONDS = 60
"""Longer than a request lasts, so that two requests do not replay the same message."""


@dataclass(frozen=True)
class DeadLetterQueue:
    """A dead-letter queue, and how a message goes back to its function."""

    url: str
    source: Callable[[Mapping[str, Any]], str]
    """The URL of the queue to which a message with this content goes back."""
    unwrap: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict
    """The part of the content that goes back."""

    @classmethod
    def behind(cls, source_url: str, url: str) -> "DeadLetterQueue":
        """The dead-letter queue at `url` of the queue at `source_url`."""
        return cls(url, lambda _: source_url)


UNSENT = "unsent"
"""The name of the queue with messages that consumers' queues refused."""


def dead_letter_queues(
    prefix: str,
    subscriptions: Sequence[Subscription],
    others: Mapping[str, tuple[str, str]],
    unsent_url: str,
) -> Mapping[str, DeadLetterQueue]:
    """All dead-letter queues: of the consumers, of `others` (URLs of source and dead letters), and UNSENT."""
    changes = {one.consumer: prefix + one.queue for one in subscriptions}
    behind = {
        one.consumer: DeadLetterQueue.behind(changes[one.consumer], prefix + one.dead_letters)
        for one in subscriptions
    }
    rest = {name: DeadLetterQueue.behind(source, url) for name, (source, url) in others.items()}
    unsent = DeadLetterQueue(
        unsent_url,
        lambda content: changes[content["consumer"]],
        lambda content: content["change"],
    )
    return {**behind, **rest, UNSENT: unsent}


class SqsDeadLetters:
    """Reads and empties dead-letter queues, which are known by the names of their functions."""

    def __init__(self, queues: Mapping[str, DeadLetterQueue]) -> None:
        self._queues = queues
        self._sqs = sqs()  # made before threads use it: boto3 makes no two clients at once

    def names(self) -> Sequence[str]:
        """See `DeadLetterQueues.names`."""
        return sorted(self._queues)

    def count(self, queue: str) -> int:
        """See `DeadLetterQueues.count`."""
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self._queues[queue].url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def peek(self, queue: str, most: int) -> Sequence[DeadLetter]:
        """See `DeadLetterQueues.peek`; the messages stay visible to other receivers."""
        return [_dead(message) for message in self._receive(queue, min(most, _MOST_MESSAGES), hidden_seconds=0)]

    def replay(self, queue: str, most: int, ids: Collection[str] = ()) -> int:
        """See `DeadLetterQueues.replay`; a message is sent before it is deleted, so that none is lost."""
        replayed = 0
        for message in self._taken(queue, most, ids):
            self._send_back(queue, message)
            self._delete(queue, message)
            replayed += 1
        return replayed

    def discard(self, queue: str, ids: Collection[str]) -> int:
        """See `DeadLetterQueues.discard`."""
        discarded = 0
        for message in self._taken(queue, len(ids), ids):
            self._delete(queue, message)
            discarded += 1
        return discarded

    def _taken(self, queue: str, most: int, ids: Collection[str]) -> "Iterator[MessageTypeDef]":
        """At most `most` messages, only those in `ids` if any are given; the others become visible again."""
        others: list[MessageTypeDef] = []
        taken = 0
        try:
            while taken < most and taken + len(others) < _MOST_LOOKED_THROUGH:
                wanted = _MOST_MESSAGES if ids else min(most - taken, _MOST_MESSAGES)
                found = self._receive(queue, wanted, hidden_seconds=_HIDDEN_SECONDS)
                if not found:
                    break
                for message in found:
                    if ids and message["MessageId"] not in ids:
                        others.append(message)
                        continue
                    taken += 1
                    yield message
        finally:
            for message in others:
                self._make_visible(queue, message)

    def _receive(self, queue: str, most: int, *, hidden_seconds: int) -> "Sequence[MessageTypeDef]":
        answer = self._sqs.receive_message(
            QueueUrl=self._queues[queue].url,
            MaxNumberOfMessages=most,
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=1,  # long polling asks all of SQS's servers, not a sample
            MessageSystemAttributeNames=["SentTimestamp", "MessageGroupId"],
        )
        return answer.get("Messages", [])

    def _send_back(self, queue: str, message: "MessageTypeDef") -> None:
        """Send a message to its source. It gets a new deduplication id: SQS would drop one that it saw lately."""
        dead = self._queues[queue]
        content = json.loads(message["Body"])
        url = dead.source(content)
        group = message.get("Attributes", {}).get("MessageGroupId") or content.get("group", "")
        in_order: dict[str, Any] = (
            {"MessageGroupId": group, "MessageDeduplicationId": uuid.uuid4().hex} if url.endswith(".fifo") else {}
        )
        self._sqs.send_message(QueueUrl=url, MessageBody=json.dumps(dead.unwrap(content)), **in_order)

    def _delete(self, queue: str, message: "MessageTypeDef") -> None:
        self._sqs.delete_message(QueueUrl=self._queues[queue].url, ReceiptHandle=message["ReceiptHandle"])

    def _make_visible(self, queue: str, message: "MessageTypeDef") -> None:
        self._sqs.change_message_visibility(
            QueueUrl=self._queues[queue].url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )


def _dead(message: "MessageTypeDef") -> DeadLetter:
    sent_at = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
    return DeadLetter(message["MessageId"], sent_at, json.loads(message["Body"]))
