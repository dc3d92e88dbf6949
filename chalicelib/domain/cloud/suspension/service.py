"""Watching balances, and what spend caps leave of them.

A look at a customer decides from the records alone, writes what it decided (with the letter that tells of it) in
one transaction, and then does what follows from the state that holds now. So it may be repeated, interrupted or
doubled at any point: the next look finds what is left to do.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from chalicelib.domain.cloud.suspension.consequences import Consequences
from chalicelib.domain.cloud.suspension.looks import Looked, Looks
from chalicelib.domain.cloud.suspension.models import (
    LOOKS_OF_AN_EXECUTION,
    Watch,
)
from chalicelib.domain.cloud.suspension.ports import (
    WATCH_SHARDS,
    WatchExecutions,
    WatchRecords,
)
from chalicelib.kernel.clock import Clock

_SAME_MOMENT = timedelta(seconds=2)
"""Rounding moves zero by a second when usage is posted; an execution is replaced only for more."""
_LOOK_AHEAD = timedelta(seconds=60)
"""The schedule's own interval: what is due before it runs again must have an execution by then."""


class Suspensions:
    """What others may know of a customer's standing."""

    def __init__(self, watches: WatchRecords) -> None:
        self._watches = watches

    def of(self, customer_id: str) -> Watch | None:
        """The customer's suspension; None in good standing."""
        watch = self._watches.watch(customer_id)
        return watch if watch is not None and watch.status is not None else None

    def is_suspended(self, customer_id: str) -> bool:
        """Whether the customer's money has run out; a spend cap says itself what it leaves room for."""
        watch = self.of(customer_id)
        return watch is not None and not watch.is_for_a_cap


class BalanceWatch:
    """Looks at customers when something changed, when an execution wakes, and where either was lost."""

    def __init__(
        self,
        watches: WatchRecords,
        executions: WatchExecutions,
        looks: Looks,
        consequences: Consequences,
        clock: Clock,
    ) -> None:
        self._watches = watches
        self._executions = executions
        self._looks = looks
        self._consequences = consequences
        self._clock = clock

    def follow(self, customer_id: str) -> None:
        """Look at a customer whose account has changed; the next moment gets an execution that waits for it."""
        looked = self._looks.look(customer_id, self._renumbered)
        if looked is not None:
            self._go_on(looked)

    def wake(self, customer_id: str, number: int) -> datetime | None:
        """Look at a customer because execution `number` has woken; until when it waits now, None where it ends."""
        looked = self._looks.look(customer_id, self._continued, number)
        if looked is None:
            return None
        self._go_on(looked)
        return looked.watch.wakes_at if looked.watch.number == number else None

    def reconcile(self) -> dict[str, int]:
        """Look at all whose moment has come, whatever became of executions; see that the next have one."""
        now = self._clock.now()
        looked_at = 0
        troubles: list[Exception] = []
        for shard in range(WATCH_SHARDS):
            for watch in self._watches.due(shard, now + _LOOK_AHEAD):
                is_due = watch.wakes_at is not None and watch.wakes_at <= now
                job: Callable[[], None] = (
                    partial(self.follow, watch.customer_id)
                    if is_due
                    else partial(self._executions.start_watch, watch)
                )
                try:
                    job()
                except Exception as trouble:
                    troubles.append(trouble)
                looked_at += is_due
        if troubles:
            raise ExceptionGroup(f"{len(troubles)} customers could not be looked at", troubles)
        return {"looked_at": looked_at}

    @staticmethod
    def _continued(watch: Watch, moment: datetime | None, at: datetime) -> Watch:
        """The execution that has woken goes on to wait for the next moment, or another does in its place."""
        looks = watch.looks + 1
        if moment is not None and looks >= LOOKS_OF_AN_EXECUTION:
            return replace(watch, number=watch.number + 1, wakes_at=moment, looks=0)
        return replace(watch, wakes_at=moment, looks=looks)

    @staticmethod
    def _renumbered(watch: Watch, moment: datetime | None, at: datetime) -> Watch:
        """Another execution waits, where none does or the one that does would wake too late."""
        waits_until = watch.wakes_at
        if waits_until is not None and at < waits_until <= (moment or waits_until) + _SAME_MOMENT:
            return watch
        if moment is None:
            return replace(watch, wakes_at=None)
        return replace(watch, number=watch.number + 1, wakes_at=moment, looks=0)

    def _go_on(self, looked: Looked) -> None:
        """Let an execution wait where there is a new one, and act."""
        if looked.watch.number != looked.before.number:
            self._executions.start_watch(looked.watch)
        self._consequences.begin(looked)
