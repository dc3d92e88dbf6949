"""What the activity log needs from outside."""

from typing import Protocol

from chalicelib.domain.foundation.activity.models import Activity
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write


class ActivityLog(Protocol):
    """An append-only log per customer."""

    def append(self, activity: Activity) -> None:
        """Keep `activity` (for 400 days): in its customer's log, and what staff did in the staff's own too."""
        ...

    def list(self, customer_id: str, page: PageRequest) -> Page[Activity]:
        """A customer's activities, newest first."""
        ...


class ActivityWrites(Protocol):
    """The same log, for what must be in it exactly when something else is."""

    def insert(self, activity: Activity) -> Write:
        """Keep `activity`, together with what it tells of."""
        ...


class StaffLog(Protocol):
    """What the staff have done, to customers and to each other."""

    def list_staffs(self, page: PageRequest, *, actor_user_id: str = "", target: str = "") -> Page[Activity]:
        """What they did, newest first: all of it, or what one of them did, or what was done to one thing."""
        ...


class StaffLogWrites(Protocol):
    """The same log, for what must be in it exactly when something else is."""

    def insert_staffs(self, activity: Activity) -> Write:
        """Keep what one of the staff did, together with what it tells of."""
        ...
