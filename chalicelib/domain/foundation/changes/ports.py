"""The queues that changes and dead letters need."""

from collections.abc import Collection, Sequence
from typing import Protocol

from chalicelib.domain.foundation.changes.models import DeadLetter, Message, Refusal, Subscription


class ChangeQueues(Protocol):
    """The queues of the consumers, and one for messages that those refused."""

    def send(self, subscription: Subscription, messages: Sequence[Message]) -> Sequence[Refusal]:
        """Send `messages` to a consumer's queue in their order; return those that it refused."""
        ...

    def keep(self, subscription: Subscription, messages: Sequence[Message]) -> Sequence[Refusal]:
        """Keep refused `messages` for a replay; return those that could not be kept either."""
        ...


class DeadLetterQueues(Protocol):
    """The dead-letter queues, named after the functions that failed; they keep a message for two weeks."""

    def names(self) -> Sequence[str]:
        """The names of all queues, sorted."""
        ...

    def count(self, queue: str) -> int:
        """The approximate number of dead letters."""
        ...

    def peek(self, queue: str, most: int) -> Sequence[DeadLetter]:
        """At most `most` dead letters; they stay in the queue."""
        ...

    def replay(self, queue: str, most: int, ids: Collection[str] = ()) -> int:
        """Send at most `most` dead letters to their function again, only those in `ids` if any are given.

        Returns how many.
        """
        ...

    def discard(self, queue: str, ids: Collection[str]) -> int:
        """Delete the dead letters in `ids`; return how many."""
        ...
