"""Fakes of authentication, rate counters and the activity log."""

from collections import Counter
from datetime import datetime

from chalicelib.domain.foundation.access.models import Credentials, Principal, Role, StaffRole
from chalicelib.domain.foundation.activity.models import Activity
from chalicelib.kernel.errors import Unauthorized
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from tests.support.clock import START


def principal(role: Role | None = Role.OWNER, staff_role: StaffRole | None = None) -> Principal:
    """A new principal."""
    return Principal(
        user_id=new_id(Kind.USER, START),
        session_id=new_id(Kind.SESSION, START),
        customer_id=new_id(Kind.CUSTOMER, START),
        role=role,
        staff_role=staff_role,
        has_second_factor=staff_role is not None,
    )


class FakeAuthenticator:
    """`Authenticator` that knows given principals, by token."""

    def __init__(self, principals: dict[str, Principal]) -> None:
        self._principals = principals

    def authenticate(self, credentials: Credentials) -> Principal:
        """The principal of the token."""
        try:
            return self._principals[credentials.token]
        except KeyError:
            raise Unauthorized() from None


class FakeRateCounters:
    """`RateCounters` in memory."""

    def __init__(self) -> None:
        self.hits: Counter[tuple[str, datetime]] = Counter()

    def hit(self, name: str, window_start: datetime, window_seconds: int) -> int:
        """Count one more request."""
        self.hits[name, window_start] += 1
        return self.hits[name, window_start]


class FakeActivityLog:
    """`ActivityLog` in memory."""

    def __init__(self) -> None:
        self.activities: list[Activity] = []

    def append(self, activity: Activity) -> None:
        """Store the activity."""
        self.activities.append(activity)

    def list(self, customer_id: str, page: PageRequest) -> Page[Activity]:
        """The activities of one customer, newest first, all on one page."""
        return Page([found for found in reversed(self.activities) if found.customer_id == customer_id])


class NoCounters:
    """`RateCounters` without a limit, for tests that call more often than the limits allow."""

    def hit(self, name: str, window_start: datetime, window_seconds: int) -> int:
        """Count it as the first request."""
        return 1
