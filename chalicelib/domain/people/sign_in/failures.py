"""Failed sign-ins, noted in the activity log of those whom they concern.

Whoever fails causes the same work, whether anybody has the address or not (G42): one item is written, and what
follows from it follows later, from the table's stream.
"""

from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.people.accounts.emails import EmailAddress
from chalicelib.domain.people.accounts.models import Origin
from chalicelib.domain.people.accounts.ports import Users
from chalicelib.domain.people.accounts.security_log import SecurityLog
from chalicelib.kernel.errors import InvalidCredentials
from chalicelib.kernel.transactions import Transactor, Write


@dataclass(frozen=True)
class FailedSignIn:
    """A wrong password, or an address that nobody has; known by the id of its request."""

    email: EmailAddress
    origin: Origin


class FailedSignIns(Protocol):
    """Failures that wait to be noted. Adding one starts that (through the table's stream)."""

    def add(self, failure: FailedSignIn) -> Write:
        """Keep `failure` until it is noted."""
        ...

    def get(self, request_id: str) -> FailedSignIn | None:
        """The failure, unless it was noted."""
        ...

    def done(self, request_id: str) -> Write:
        """Forget the failure."""
        ...


class FailureNotes:
    """Notes failures."""

    def __init__(self, failures: FailedSignIns, users: Users, log: SecurityLog, transactor: Transactor) -> None:
        self._failures = failures
        self._users = users
        self._log = log
        self._transactor = transactor

    def note(self, request_id: str) -> None:
        """Write the failure into the log of each customer of whoever has the address; safe to repeat."""
        failure = self._failures.get(request_id)
        if failure is None:
            return
        user = self._users.by_email(failure.email)
        for membership in self._users.memberships(user.id) if user else ():
            self._log.note(
                membership.user_id,
                membership.customer_id,
                failure.origin,
                "login",
                refusal=InvalidCredentials.code,
            )
        self._transactor.commit([self._failures.done(request_id)])
