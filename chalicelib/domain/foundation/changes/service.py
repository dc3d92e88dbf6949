"""Sends changes to their consumers, and manages dead letters."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

from chalicelib.domain.foundation.changes.models import (
    Change,
    DeadLetter,
    DeadLetterCount,
    Message,
    Refusal,
    Subscription,
)
from chalicelib.domain.foundation.changes.ports import ChangeQueues, DeadLetterQueues
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import NotFound

_SENDERS = 8
_COUNTERS = 8


@dataclass(frozen=True)
class RelayResult:
    """The outcome of relaying a batch of changes."""

    sent: int
    kept: Sequence[tuple[str, Refusal]]
    """Messages that a consumer's queue refused and that were kept instead, with the consumer's name."""
    lost: Sequence[tuple[str, Refusal]]
    """Messages that could not be kept either: the stream must deliver their changes again."""


class Relay:
    """Sends each change to the queue of every consumer that subscribes to it.

    A queue that refuses messages does not delay the others: the messages are kept for a replay.
    """

    def __init__(self, subscriptions: Sequence[Subscription], queues: ChangeQueues) -> None:
        self._subscriptions = subscriptions
        self._queues = queues

    def relay(self, changes: Sequence[Change]) -> RelayResult:
        """Relay a batch. A change that the stream delivers again is sent again."""
        batches = [
            (subscription, messages)
            for subscription in self._subscriptions
            if (messages := [Message.of(change, subscription) for change in changes if subscription.wants(change)])
        ]
        if len(batches) > 1:
            with ThreadPoolExecutor(_SENDERS) as senders:
                parts = list(senders.map(self._send, *zip(*batches, strict=True)))
        else:
            parts = [self._send(*batch) for batch in batches]
        return RelayResult(
            sent=sum(part.sent for part in parts),
            kept=[kept for part in parts for kept in part.kept],
            lost=[lost for part in parts for lost in part.lost],
        )

    def _send(self, subscription: Subscription, messages: Sequence[Message]) -> RelayResult:
        refused = self._queues.send(subscription, messages)
        lost = self._queues.keep(subscription, [refusal.message for refusal in refused]) if refused else ()
        unkept = {refusal.message.id for refusal in lost}
        name = subscription.consumer
        return RelayResult(
            sent=len(messages) - len(refused),
            kept=[(name, refusal) for refusal in refused if refusal.message.id not in unkept],
            lost=[(name, refusal) for refusal in lost],
        )


class DeadLetterDesk:
    """Lists, replays and discards dead letters."""

    def __init__(self, queues: DeadLetterQueues) -> None:
        self._queues = queues

    def counts(self) -> Sequence[DeadLetterCount]:
        """The approximate number of dead letters in each queue."""
        names = self._queues.names()
        with ThreadPoolExecutor(_COUNTERS) as counters:
            return [
                DeadLetterCount(*pair) for pair in zip(names, counters.map(self._queues.count, names), strict=True)
            ]

    def count(self, queue: str) -> int:
        """The approximate number of dead letters in `queue`.

        Raises:
            NotFound: there is no such queue.
        """
        return self._queues.count(self._known(queue))

    def peek(self, queue: str, most: int) -> Sequence[DeadLetter]:
        """At most `most` dead letters of `queue`; they stay there.

        Raises:
            NotFound: there is no such queue.
        """
        return self._queues.peek(self._known(queue), most)

    def replay(self, queue: str, most: int, ids: Collection[str] = ()) -> int:
        """Send at most `most` dead letters to their function again, only those in `ids` if any are given.

        Returns how many. A message that the function has processed already changes nothing.

        Raises:
            NotFound: there is no such queue.
        """
        return self._queues.replay(self._known(queue), most, ids)

    def discard(self, queue: str, ids: Collection[str]) -> int:
        """Delete the dead letters in `ids` from `queue`; return how many.

        Raises:
            NotFound: there is no such queue.
        """
        return self._queues.discard(self._known(queue), ids)

    def _known(self, queue: str) -> str:
        if queue not in self._queues.names():
            raise NotFound("There is no such queue.")
        return queue
