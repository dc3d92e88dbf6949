"""Watches balances and spend caps.

A look at a customer decides from stored data only, writes the decision and its letter in one transaction, and then
acts on the current state. So it may be repeated, interrupted or run twice at any point: the next look finds what
is left to do.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from chalicelib.domain.cloud.suspension.consequences import Consequences
from chalicelib.domain.cloud.suspension.looks import LookResult, Looks
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
"""Posting usage moves the computed zero by up to a second; only a larger difference replaces an execution."""
_LOOK_AHEAD = timedelta(seconds=60)
"""The schedule's interval: each watch that is due before its next run must have an execution by then."""


class Suspensions:
    """Reads the standing of customers, for other contexts."""

    def __init__(self, watches: WatchRecords) -> None:
        self._watches = watches

    def of(self, customer_id: str) -> Watch | None:
        """Return the customer's suspension; None in good standing."""
        watch = self._watches.watch(customer_id)
        return watch if watch is not None and watch.status is not None else None

    def is_suspended(self, customer_id: str) -> bool:
        """Whether the customer's money has run out; for spend caps, ask for their room instead."""
        watch = self.of(customer_id)
        return watch is not None and not watch.is_for_a_cap


class BalanceWatch:
    """Looks at customers when their account changes, when an execution wakes, and when either was lost."""

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
        """Look at a customer whose account has changed, and start an execution for the next moment that is due."""
        looked = self._looks.look(customer_id, self._renumbered)
        if looked is not None:
            self._go_on(looked)

    def wake(self, customer_id: str, number: int) -> datetime | None:
        """Look at a customer because execution `number` woke; return until when it waits now, or None if it
        ends.
        """
        looked = self._looks.look(customer_id, self._continued, number)
        if looked is None:
            return None
        self._go_on(looked)
        return looked.watch.wakes_at if looked.watch.number == number else None

    def reconcile(self) -> dict[str, int]:
        """Look at all customers that are due, and start executions for those due soon, in case any were lost."""
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
        """Let the awake execution wait for the next moment, or replace it by a new one."""
        looks = watch.looks + 1
        if moment is not None and looks >= LOOKS_OF_AN_EXECUTION:
            return replace(watch, number=watch.number + 1, wakes_at=moment, looks=0)
        return replace(watch, wakes_at=moment, looks=looks)

    @staticmethod
    def _renumbered(watch: Watch, moment: datetime | None, at: datetime) -> Watch:
        """Start a new execution if none waits, or the waiting one would wake too late."""
        waits_until = watch.wakes_at
        if waits_until is not None and at < waits_until <= (moment or waits_until) + _SAME_MOMENT:
            return watch
        if moment is None:
            return replace(watch, wakes_at=None)
        return replace(watch, number=watch.number + 1, wakes_at=moment, looks=0)

    def _go_on(self, looked: LookResult) -> None:
        """Start the execution of a new number, and act."""
        if looked.watch.number != looked.before.number:
            self._executions.start_watch(looked.watch)
        self._consequences.begin(looked)
