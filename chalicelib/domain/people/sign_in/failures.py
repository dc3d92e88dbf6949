"""Logs failed sign-ins in the activity log of the affected customers.

Every failure causes the same work, whether the address is known or not (G42): the request writes one item, and a
consumer of the table's stream does the rest later.
"""

from chalicelib.domain.people.accounts.ports import Users
from chalicelib.domain.people.accounts.security_log import SecurityLog
from chalicelib.domain.people.sign_in.errors import InvalidCredentials
from chalicelib.domain.people.sign_in.ports import FailedSignIns
from chalicelib.kernel.transactions import Transactor


class FailureNotes:
    """Logs failed sign-ins."""

    def __init__(self, failures: FailedSignIns, users: Users, log: SecurityLog, transactor: Transactor) -> None:
        self._failures = failures
        self._users = users
        self._log = log
        self._transactor = transactor

    def note(self, request_id: str) -> None:
        """Log the failure for each customer of the user with the address; safe to repeat."""
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
