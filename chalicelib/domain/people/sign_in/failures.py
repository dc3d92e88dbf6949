"""Failed sign-ins, noted in the activity log of those whom they concern.

Whoever fails causes the same work, whether anybody has the address or not (G42): one item is written, and what
follows from it follows later, from the table's stream.
"""

from chalicelib.domain.people.accounts.ports import Users
from chalicelib.domain.people.accounts.security_log import SecurityLog
from chalicelib.domain.people.sign_in.errors import InvalidCredentials
from chalicelib.domain.people.sign_in.ports import FailedSignIns
from chalicelib.kernel.transactions import Transactor


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
