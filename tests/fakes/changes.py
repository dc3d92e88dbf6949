"""Dead letters in memory."""

from collections.abc import Collection, Sequence

from chalicelib.domain.foundation.changes.models import DeadLetter


class MemoryDeadLetters:
    """`DeadLetterQueues` filled by tests; `replayed` has the replayed messages."""

    def __init__(self, *names: str) -> None:
        self.dead: dict[str, list[DeadLetter]] = {name: [] for name in names}
        self.replayed: list[DeadLetter] = []

    def names(self) -> Sequence[str]:
        return sorted(self.dead)

    def count(self, queue: str) -> int:
        return len(self.dead[queue])

    def peek(self, queue: str, most: int) -> Sequence[DeadLetter]:
        return self.dead[queue][:most]

    def replay(self, queue: str, most: int, ids: Collection[str] = ()) -> int:
        taken = self._take(queue, most, ids)
        self.replayed += taken
        return len(taken)

    def discard(self, queue: str, ids: Collection[str]) -> int:
        return len(self._take(queue, len(ids), ids))

    def _take(self, queue: str, most: int, ids: Collection[str]) -> Sequence[DeadLetter]:
        found = [letter for letter in self.dead[queue] if not ids or letter.id in ids][:most]
        self.dead[queue] = [letter for letter in self.dead[queue] if letter not in found]
        return found
