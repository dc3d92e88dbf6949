"""A person's organisations: which there are, making another, and which of them a session acts for."""

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
    """Shows, makes and renames organisations, and switches sessions between them."""

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
        """What the user is in which customers, oldest customer first."""
        return self._users.memberships(user_id)

    def create(self, user_id: str, name: str) -> Membership:
        """Make a further customer, with a ledger account of its own, that the user owns.

        Raises:
            LimitExceeded: the user owns, or belongs to, as many as one can.
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
        """The customer itself.

        Raises:
            NotFound: there is none.
        """
        customer = self._records.customer(customer_id)
        if customer is None:
            raise NotFound(_NOT_YOURS)
        return customer

    def rename(self, customer_id: str, name: str) -> Customer:
        """Give a customer another name.

        Raises:
            NotFound: there is no such customer.
        """
        try:
            self._transactor.commit([self._records.rename(customer_id, name)])
        except ConditionFailed as failed:
            raise NotFound(_NOT_YOURS) from failed
        return self.get(customer_id)

    def switch(self, principal: Principal, customer_id: str) -> SessionAccess:
        """Let the principal's session act for another of their customers.

        Its access tokens from before are refused, since they name the customer. The refresh token stays: whoever
        has but an access token cannot make the whole session theirs.

        Raises:
            NotFound: the user does not belong to this customer.
            Unauthorized: the session has ended, or was switched meanwhile.
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
                [self._records.unchanged(membership, MEMBER_UNCHANGED), self._sessions.turn(session, customer_id)]
            )
        except ConditionFailed as failed:
            raise NotFound(_NOT_YOURS) if MEMBER_UNCHANGED in failed.asserts else Unauthorized() from failed
        return self._opener.access(replace(session, customer_id=customer_id), now)
