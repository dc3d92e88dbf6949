"""Closes a customer: refused while anything is open, then final.

Closing cannot be undone: to make that possible, we would have to keep the data that the owner wants erased. The
protection against mistakes and hijackers comes before: the password, a code if the second factor is on, and a list
of everything that must be settled first.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from chalicelib.domain.cloud.deployments.ports import DeploymentRecords
from chalicelib.domain.money.auto_top_up.ports import AutoTopUpRecords
from chalicelib.domain.money.ledger.models import EntryType, HoldPurpose, Operator
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import AccountChange, Ledger
from chalicelib.domain.money.top_ups.ports import TopUpRecords
from chalicelib.domain.operations.departure.models import Closing, ClosingRequest, Obstacle
from chalicelib.domain.operations.departure.ports import (
    CUSTOMER_OPEN,
    NO_MACHINES,
    NOTHING_IN_FLIGHT,
    ClosingRecords,
    FinalInvoice,
)
from chalicelib.domain.people.accounts.models import Letter, LetterKind, Membership, User
from chalicelib.domain.people.accounts.ports import Letters, Users
from chalicelib.domain.people.attempts.password_proof import Proven
from chalicelib.domain.people.organisations.ports import MEMBER_UNCHANGED, ROSTER_UNCHANGED, MemberRecords, Rosters
from chalicelib.domain.people.sessions.ports import Sessions
from chalicelib.domain.people.sign_in.reauthentication import Reauthentication
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import Conflict, FieldError, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.money import format_amount
from chalicelib.kernel.pages import every_item
from chalicelib.kernel.transactions import ConditionFailed, Write, with_fresh_reads

_STALE = frozenset({ACCOUNT_UNCHANGED, ROSTER_UNCHANGED, MEMBER_UNCHANGED, NO_MACHINES, NOTHING_IN_FLIGHT})
"""Assertions that fail if something changed between checking the obstacles and the write."""
_MAX_SESSIONS_IN_ONE_GO = 60
_IN_THE_WAY = "This account cannot be closed yet; the details say what has to be settled first."
_NOT_OPEN = "This account is closed already, or blocked."
_SENTENCES = {
    HoldPurpose.DISPUTE: "A payment is disputed; wait until the bank has decided.",
    HoldPurpose.REFUND: "A refund is under way; wait until it has arrived.",
}


class Books:
    """The money, machines and payments of a customer that can be obstacles to closing it."""

    def __init__(
        self,
        ledger: Ledger,
        deployments: DeploymentRecords,
        top_ups: TopUpRecords,
        auto_top_ups: AutoTopUpRecords,
        invoices: FinalInvoice,
    ) -> None:
        self._ledger = ledger
        self._deployments = deployments
        self._top_ups = top_ups
        self._auto_top_ups = auto_top_ups
        self._invoices = invoices

    def obstacles(self, request: ClosingRequest, change: AccountChange) -> Iterator[FieldError]:
        """Yield each obstacle, with a sentence that says what to do about it."""
        customer_id = request.customer_id
        machines = sum(one.holds_slot for one in self._deployments.all_deployments(customer_id))
        if machines:
            yield _in_the_way(
                Obstacle.MACHINES, f"You have {machines}; delete them, and wait until they are gone."
            )
        yield from self._of_money(request, change)
        top_ups = every_item(partial(self._top_ups.top_ups, customer_id))
        pending = sum(not top_up.status.is_final for top_up in top_ups)
        if pending:
            yield _in_the_way(Obstacle.TOP_UPS, f"{pending} wait for a payment; let them settle, fail or expire.")
        rule = self._auto_top_ups.rule(customer_id)
        if rule is not None and rule.in_flight:
            yield _in_the_way(Obstacle.AUTO_TOP_UP, "A saved card is being charged; try again in some minutes.")
        if self._invoices.is_behind(customer_id):
            yield _in_the_way(
                Obstacle.INVOICES, "A month that has ended is not invoiced yet; try again in an hour."
            )

    def _of_money(self, request: ClosingRequest, change: AccountChange) -> Iterator[FieldError]:
        for hold in self._ledger.holds(request.customer_id):
            sentence = _SENTENCES.get(hold.purpose, "Money is reserved for a machine; delete it.")
            yield _in_the_way(Obstacle.RESERVED, sentence)
        balance = change.account.posted_micros
        if balance < 0:
            yield _in_the_way(Obstacle.DEBT, f"You owe {format_amount(-balance)} USD; add funds first.")
        elif balance != (request.forfeited_micros or 0):
            left = format_amount(balance)
            yield _in_the_way(
                Obstacle.BALANCE, f"There are {left} USD left: ask for a refund, or give up exactly that much."
            )


@dataclass(frozen=True)
class OwnerTies:
    """What an owner leaves when they close a customer."""

    membership: Membership | None
    """The owner's membership; None if they do not belong to the customer."""
    others: int
    """The number of other members."""
    is_last: bool
    """Whether the owner belongs to no other customer, and not to the staff."""
    same_people: Sequence[Write]
    """Assert that nobody joined or left since."""


class OwnerRemoval:
    """Removes the owner from a customer that is closed."""

    def __init__(
        self,
        *,
        records: ClosingRecords,
        users: Users,
        members: MemberRecords,
        sessions: Sessions,
        rosters: Rosters,
    ) -> None:
        self._records = records
        self._users = users
        self._members = members
        self._sessions = sessions
        self._rosters = rosters

    def look(self, request: ClosingRequest) -> OwnerTies:
        """Read the members of the customer, and the owner's other memberships.

        The roster gives the number of other members: the index of members may not show a recent one yet.
        """
        roster = self._rosters.get(request.customer_id)
        same_people = [
            self._rosters.change(request.customer_id, roster),
            self._rosters.change(request.user_id, self._rosters.get(request.user_id), joined=-1),
        ]
        own = {one.customer_id: one for one in self._users.memberships(request.user_id)}
        membership = own.pop(request.customer_id, None)
        is_last = not own and self._users.staff_role(request.user_id) is None
        return OwnerTies(membership, roster.joined, is_last, same_people)

    def writes(self, user: User, membership: Membership, closing: Closing) -> Sequence[Write]:
        """Return Writes that end the owner's membership and the sessions that act for the customer."""
        sessions = [
            session
            for session in self._sessions.all_of(user.id)
            if closing.erases_user or session.customer_id == closing.customer_id
        ]
        left = [
            self._members.remove(membership),
            self._users.same_password(user),
            *(self._sessions.end(user.id, session.id) for session in sessions[:_MAX_SESSIONS_IN_ONE_GO]),
        ]
        return [*left, self._records.free_address(user)] if closing.erases_user else left


class Closings:
    """Closes customers."""

    def __init__(
        self,
        *,
        records: ClosingRecords,
        books: Books,
        ledger: Ledger,
        owner: OwnerRemoval,
        letters: Letters,
        reauthentication: Reauthentication,
        clock: Clock,
    ) -> None:
        self._records = records
        self._books = books
        self._ledger = ledger
        self._owner = owner
        self._letters = letters
        self._reauthentication = reauthentication
        self._clock = clock

    def close(self, request: ClosingRequest) -> Closing:
        """Close the customer permanently: nobody can act for it any more, and its erasure begins within minutes.

        Its ledger, invoices, credit notes and payments stay, as the law demands. Its owner is erased too, unless
        they belong to another customer or to the staff.

        Raises:
            Forbidden, InvalidTwoFactorCode: password or code are wrong, or the code is missing.
            Conflict: there are obstacles, which the details name; or it is closed or blocked already.
            RateLimited: too many wrong passwords.
        """
        proven = self._reauthentication.prove(request.user_id, request.password, request.code)
        try:
            return with_fresh_reads(lambda: self._close(request, proven), stale=_STALE)
        except ConditionFailed as failed:
            if CUSTOMER_OPEN in failed.asserts:
                raise Conflict(_NOT_OPEN) from failed
            raise

    def _close(self, request: ClosingRequest, proven: Proven) -> Closing:
        """Check everything and write once; the caller repeats it if something changed in between."""
        user, now = proven.user, self._clock.now()
        change = self._ledger.change(request.customer_id, now)
        leave = self._owner.look(request)
        obstacles = list(self._books.obstacles(request, change))
        if leave.others:
            sentence = f"{leave.others} others belong to it; remove them, or hand the ownership over."
            obstacles.append(_in_the_way(Obstacle.MEMBERS, sentence))
        if obstacles:
            raise Conflict(_IN_THE_WAY, details=obstacles)
        membership = leave.membership
        if membership is None:
            raise NotFound()
        closing = Closing(
            customer_id=request.customer_id,
            user_id=user.id,
            erases_user=leave.is_last,
            closed_at=now,
            forfeited_micros=change.account.posted_micros,
            reason=request.reason,
        )
        self._reauthentication.commit(
            [
                *proven.writes,
                *self._records.close(closing),
                *_forfeit(change, closing),
                *leave.same_people,
                *self._owner.writes(user, membership, closing),
                self._letters.add(_letter(user, membership, closing)),
            ]
        )
        return closing


def _forfeit(change: AccountChange, closing: Closing) -> Sequence[Write]:
    """Return the entry for the balance given up. The account is always written, so that no change goes
    unnoticed.
    """
    if closing.forfeited_micros:
        change.post(
            EntryType.FORFEIT,
            -closing.forfeited_micros,
            Operator.FORFEITS,
            reference=closing.customer_id,
            reason="Given up when the account was closed",
            actor_user_id=closing.user_id,
        )
    return change.writes() or [change.seal()]


def _letter(user: User, membership: Membership, closing: Closing) -> Letter:
    values = {"name": user.name, "customer": membership.customer_name}
    at = closing.closed_at
    return Letter(new_id(Kind.LETTER, at), LetterKind.ACCOUNT_CLOSED, user.email, at, values, user_id=user.id)


def _in_the_way(obstacle: Obstacle, sentence: str) -> FieldError:
    return FieldError(obstacle.value, sentence)
