"""What the activity log needs from outside."""

from typing import Protocol

from chalicelib.insight.models import Activity
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write


class ActivityLog(Protocol):
    """An append-only log per customer."""

    def append(self, activity: Activity) -> None:
        """Keep `activity` (for 400 days)."""
        ...

    def list(self, customer_id: str, page: PageRequest) -> Page[Activity]:
        """A customer's activities, newest first."""
        ...


class ActivityWrites(Protocol):
    """The same log, for what must be in it exactly when something else is."""

    def insert(self, activity: Activity) -> Write:
        """Keep `activity`, together with what it tells of."""
        ...
