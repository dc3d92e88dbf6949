"""What the activity log needs from outside."""

from typing import Protocol

from chalicelib.insight.models import Activity
from chalicelib.kernel.pages import Page, PageRequest


class ActivityLog(Protocol):
    """An append-only log per customer."""

    def append(self, activity: Activity) -> None:
        """Keep `activity` (for 400 days)."""
        ...

    def list(self, customer_id: str, page: PageRequest) -> Page[Activity]:
        """A customer's activities, newest first."""
        ...
