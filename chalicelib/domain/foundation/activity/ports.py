"""Ports of the activity log."""

from typing import Protocol

from chalicelib.domain.foundation.activity.models import Activity
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write


class ActivityLog(Protocol):
    """An append-only log per customer."""

    def append(self, activity: Activity) -> None:
        """Store `activity` for 400 days in its customer's log; an action of staff also in the staff's log."""
        ...

    def list(self, customer_id: str, page: PageRequest) -> Page[Activity]:
        """Return a customer's activities, newest first."""
        ...


class ActivityWrites(Protocol):
    """The activity log as Writes, for entries that belong to a transaction."""

    def insert(self, activity: Activity) -> Write:
        """Add `activity`; commit it together with the change that it describes."""
        ...


class StaffLog(Protocol):
    """The log of actions by the staff, on customers and on each other."""

    def list_staff_activities(
        self, page: PageRequest, *, actor_user_id: str = "", target: str = ""
    ) -> Page[Activity]:
        """Return actions of staff, newest first; optionally only those of one actor, or on one target."""
        ...


class StaffLogWrites(Protocol):
    """The staff's log as Writes, for entries that belong to a transaction."""

    def insert_staff_activity(self, activity: Activity) -> Write:
        """Add an action of staff; commit it together with the change that it describes."""
        ...
