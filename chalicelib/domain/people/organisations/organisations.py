"""A user's customers: listing, creating, and switching a session between them."""

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.domain.foundation.access.models import Principal, Role
from chalicelib.domain.people.accounts.models import Customer, Membership
from chalicelib.domain.people.accounts.ports import Accounts, Users
from chalicelib.domain.people.organisations.models import MAX_JOINED_CUSTOMERS
from chalicelib.domain.people.organisations.ports import MEMBER_UNCHANGED, ROSTER_UNCHANGED, MemberRecords, Rosters
from chalicelib.domain.people.sessions.models import SessionAccess
from chalicelib.domain.people.sessions.ports import Sessions
from chalicelib.domain.people.sign_in.opening import SessionOpener
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import LimitExceeded, NotFound, Unauthorized
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import ConditionFailed, Transactor, with_fresh_reads

MAX_OWN_CUSTOMERS = 20
_NOT_YOURS = "You belong to no such customer."


class Organisations:
    """Lists, creates and renames customers, and switches sessions between them."""

    def __init__(
        self,
        *,
        records: MemberRecords,
        rosters: Rosters,
        users: Users,
        accounts: Accounts,
        sessions: Sessions,
        opener: SessionOpener,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._rosters = rosters
        self._users = users
        self._accounts = accounts
        self._sessions = sessions
        self._opener = opener
        self._transactor = transactor
        self._clock = clock

    def mine(self, user_id: str) -> Sequence[Membership]:
        """Return the user's memberships, oldest customer first."""
        return self._users.memberships(user_id)

    def create(self, user_id: str, name: str) -> Membership:
        """Create another customer with a ledger account; the user owns it.

        Raises:
            LimitExceeded: the user owns, or belongs to, the maximum number of customers.
        """
        return with_fresh_reads(lambda: self._create(user_id, name), stale=frozenset({ROSTER_UNCHANGED}))

    def _create(self, user_id: str, name: str) -> Membership:
        user, roster = self._users.get(user_id), self._rosters.get(user_id)
        if user is None:
            raise Unauthorized
        owned = [one for one in self._users.memberships(user_id) if one.role is Role.OWNER]
        if len(owned) >= MAX_OWN_CUSTOMERS or roster.joined >= MAX_JOINED_CUSTOMERS:
            raise LimitExceeded(
                f"A person owns at most {MAX_OWN_CUSTOMERS} organisations, and belongs to at most "
                f"{MAX_JOINED_CUSTOMERS + 1}."
            )
        now = self._clock.now()
        customer = Customer(new_id(Kind.CUSTOMER, now), name, now)
        self._transactor.commit(
            [
                *self._users.insert_customer(customer, user),
                *self._accounts.open_account(customer.id),
                self._rosters.change(user_id, roster, joined=1),
            ]
        )
        return Membership(user_id, customer.id, name, Role.OWNER, now)

    def get(self, customer_id: str) -> Customer:
        """Return the customer.

        Raises:
            NotFound: there is no such customer.
        """
        customer = self._records.customer(customer_id)
        if customer is None:
            raise NotFound(_NOT_YOURS)
        return customer

    def rename(self, customer_id: str, name: str) -> Customer:
        """Rename a customer.

        Raises:
            NotFound: there is no such customer.
        """
        try:
            self._transactor.commit([self._records.rename(customer_id, name)])
        except ConditionFailed as failed:
            raise NotFound(_NOT_YOURS) from failed
        return self.get(customer_id)

    def switch(self, principal: Principal, customer_id: str) -> SessionAccess:
        """Switch the principal's session to another of their customers.

        Earlier access tokens of the session are refused, since they name the customer. Does not issue a new
        refresh token: a stolen access token must not be enough to take over the session.

        Raises:
            NotFound: the user does not belong to this customer.
            Unauthorized: the session ended, or was switched meanwhile.
        """
        session = self._sessions.get(principal.user_id, principal.session_id)
        membership = self._records.get(customer_id, principal.user_id)
        now = self._clock.now()
        if session is None or session.has_ended(now):
            raise Unauthorized
        if membership is None:
            raise NotFound(_NOT_YOURS)
        session = self._opener.trusting(session, now)
        try:
            self._transactor.commit(
                [
                    self._records.unchanged(membership, MEMBER_UNCHANGED),
                    self._sessions.switch_customer(session, customer_id),
                ]
            )
        except ConditionFailed as failed:
            raise NotFound(_NOT_YOURS) if MEMBER_UNCHANGED in failed.asserts else Unauthorized() from failed
        return self._opener.access(replace(session, customer_id=customer_id), now)
