"""Ports of suspensions."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from chalicelib.domain.cloud.deployments.models import Deployment
from chalicelib.domain.cloud.suspension.models import Watch
from chalicelib.kernel.transactions import Write

WATCH_UNCHANGED = "watch_unchanged"
WATCH_SHARDS = 4


class WatchRecords(Protocol):
    """Stored watches. Single reads are strongly consistent."""

    def watch(self, customer_id: str) -> Watch | None:
        """Return a customer's watch, or None if there is none."""
        ...

    def replace_watch(self, before: Watch, after: Watch) -> Write:
        """Store `after`; asserts WATCH_UNCHANGED since `before` was read (or found missing)."""
        ...

    def due(self, shard: int, before: datetime) -> Iterator[Watch]:
        """Yield watches that are due before this time. The index is eventually consistent."""
        ...


class WatchExecutions(Protocol):
    """The state machine `balance_watch`."""

    def start_watch(self, watch: Watch) -> None:
        """Start an execution that waits until `watch.wakes_at`; starting the same number again has no effect."""
        ...


class Power(Protocol):
    """Switches machines off and on."""

    def suspend(self, customer_id: str, deployment_id: str, because: str) -> bool:
        """Start to switch a machine off; its timeline says why."""
        ...

    def resume(self, customer_id: str, deployment_id: str, because: str) -> bool:
        """Start to switch a machine on; its timeline says why. Raises InsufficientBalance."""
        ...

    def reserve(self, deployment: Deployment) -> int:
        """Return the micro-dollars to hold when a machine is switched on now."""
        ...


class Deletion(Protocol):
    """Deletes machines."""

    def delete_unpaid(self, customer_id: str, deployment_id: str) -> object:
        """Start to delete a machine, or return the deletion in progress."""
        ...
