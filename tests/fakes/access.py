"""Who is at the door, how often, and what has been done."""

from collections import Counter
from datetime import datetime

from chalicelib.domain.foundation.access.models import Credentials, Principal, Role, StaffRole
from chalicelib.domain.foundation.activity.models import Activity
from chalicelib.kernel.errors import Unauthorized
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from tests.support.clock import START


def principal(role: Role | None = Role.OWNER, staff_role: StaffRole | None = None) -> Principal:
    """Somebody new."""
    return Principal(
        user_id=new_id(Kind.USER, START),
        session_id=new_id(Kind.SESSION, START),
        customer_id=new_id(Kind.CUSTOMER, START),
        role=role,
        staff_role=staff_role,
        has_second_factor=staff_role is not None,
    )


class FakeAuthenticator:
    """`Authenticator` of the principals that it was given, by token."""

    def __init__(self, principals: dict[str, Principal]) -> None:
        self._principals = principals

    def authenticate(self, credentials: Credentials) -> Principal:
        """The principal that was given for the token."""
        try:
            return self._principals[credentials.token]
        except KeyError:
            raise Unauthorized() from None


class FakeRateCounters:
    """`RateCounters` in memory."""

    def __init__(self) -> None:
        self.hits: Counter[tuple[str, datetime]] = Counter()

    def hit(self, name: str, window_start: datetime, window_seconds: int) -> int:
        """Count one more."""
        self.hits[name, window_start] += 1
        return self.hits[name, window_start]


class FakeActivityLog:
    """`ActivityLog` in memory."""

    def __init__(self) -> None:
        self.activities: list[Activity] = []

    def append(self, activity: Activity) -> None:
        """Keep it."""
        self.activities.append(activity)

    def list(self, customer_id: str, page: PageRequest) -> Page[Activity]:
        """Those of one customer, newest first, all on one page."""
        return Page([found for found in reversed(self.activities) if found.customer_id == customer_id])


class NoCounters:
    """`RateCounters` for tests that call more often than people may."""

    def hit(self, name: str, window_start: datetime, window_seconds: int) -> int:
        """As if it were the first."""
        return 1
