"""What suspensions need from outside."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from chalicelib.domain.cloud.deployments.models import Deployment
from chalicelib.domain.cloud.suspension.models import Watch
from chalicelib.kernel.transactions import Write

WATCH_UNCHANGED = "watch_unchanged"
WATCH_SHARDS = 4


class WatchRecords(Protocol):
    """Where watches are kept. Single reads are strongly consistent."""

    def watch(self, customer_id: str) -> Watch | None:
        """A customer's watch; None where nothing was ever to be watched."""
        ...

    def replace_watch(self, before: Watch, after: Watch) -> Write:
        """Keep `after`; asserts WATCH_UNCHANGED since `before` was read (or found missing)."""
        ...

    def due(self, shard: int, before: datetime) -> Iterator[Watch]:
        """Watches that are to look before then; the index may lag behind by moments."""
        ...


class WatchExecutions(Protocol):
    """The state machine `balance_watch`."""

    def start_watch(self, watch: Watch) -> None:
        """Let an execution wait until `watch.wakes_at`; starting the same number again changes nothing."""
        ...


class Power(Protocol):
    """Switching machines."""

    def suspend(self, customer_id: str, deployment_id: str, because: str) -> bool:
        """Begin to switch a machine off; its timeline says why."""
        ...

    def resume(self, customer_id: str, deployment_id: str, because: str) -> bool:
        """Begin to switch a machine on; its timeline says why. Raises InsufficientBalance."""
        ...

    def reserve(self, deployment: Deployment) -> int:
        """What is set aside when a machine is switched on now, in micro-dollars."""
        ...


class Deletion(Protocol):
    """The ordinary way in which machines go."""

    def delete_unpaid(self, customer_id: str, deployment_id: str) -> object:
        """Begin to delete a machine, or find that it was begun."""
        ...
