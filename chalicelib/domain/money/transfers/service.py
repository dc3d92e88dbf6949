"""Money that a user moves between their own customers.

One transaction takes it from one account and adds it to the other: each book has an entry with the same posting
and the transfer's id, so that the two can be held against each other (G12), and nothing is ever on its way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from chalicelib.domain.foundation.access.models import ROLE_SCOPES, Scope
from chalicelib.domain.foundation.activity.models import Activity, Outcome
from chalicelib.domain.foundation.activity.ports import ActivityWrites
from chalicelib.domain.money.ledger.models import EntryType, account_name
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import AccountChange, Ledger
from chalicelib.domain.people.accounts.models import Membership
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import AccountSuspended, Conflict, CustomerBlocked, InvalidInput, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.money import MICROS_PER_UNIT, format_amount, parse_amount
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

NEW_TRANSFER = "new_transfer"
SENDER_ACTIVE = "sender_active"
RECEIVER_ACTIVE = "receiver_active"
LEAST_MICROS = 1 * MICROS_PER_UNIT
MOST_PER_DAY_MICROS = 10_000 * MICROS_PER_UNIT
"""What a customer may send away on one day (UTC), all receivers together."""

_STALE = frozenset({ACCOUNT_UNCHANGED, NEW_TRANSFER})
_UNKNOWN = "You have no such customer, or may not see to its money."


@dataclass(frozen=True)
class TransferWish:
    """What is to go where, and who wants it."""

    from_customer_id: str
    to_customer_id: str
    amount: str
    """Decimal, in the base currency."""
    note: str
    user_id: str


@dataclass(frozen=True)
class Transfer:
    """Money that went from one customer to another."""

    id: str
    from_customer_id: str
    to_customer_id: str
    amount_micros: int
    note: str
    made_by: str
    at: datetime


@dataclass(frozen=True)
class SentOnDay:
    """What a customer has sent away on one day (UTC)."""

    customer_id: str
    day: date
    amount_micros: int = 0


class TransferRecords(Protocol):
    """Where transfers are kept, for either side. Single reads are strongly consistent."""

    def transfer_of_key(self, customer_id: str, key: str) -> Transfer | None:
        """What the sender has made with an idempotency key."""
        ...

    def sent_on(self, customer_id: str, day: date) -> SentOnDay:
        """What went away on `day` so far."""
        ...

    def transfers(self, customer_id: str, page: PageRequest) -> Page[Transfer]:
        """Those that the customer sent or received, newest first."""
        ...

    def insert_transfer(self, transfer: Transfer, key: str) -> Sequence[Write]:
        """Keep one for both sides, findable by the sender's key; asserts NEW_TRANSFER."""
        ...

    def active(self, customer_id: str, asserts: str) -> Write:
        """Change nothing; asserts, by the name that is given, that the customer is neither blocked nor closed."""
        ...

    def put_sent(self, sent: SentOnDay) -> Write:
        """Keep a day's sum. It asserts nothing: the sender's account, whose version is checked beside it, does."""
        ...


class Memberships(Protocol):
    """Who belongs where."""

    def memberships(self, user_id: str) -> Sequence[Membership]:
        """What the user is in which customers."""
        ...


class Standing(Protocol):
    """Whether a customer is in good standing."""

    def is_suspended(self, customer_id: str) -> bool:
        """Whether money has run out."""
        ...


class Revocable(Protocol):
    """Money that was given under a condition, and may have to be given back."""

    def revocable_micros(self, customer_id: str) -> int:
        """How much of it the customer has."""
        ...


class Transfers:
    """Moves money between the customers of one user."""

    def __init__(
        self,
        records: TransferRecords,
        ledger: Ledger,
        memberships: Memberships,
        standing: Standing,
        revocable: Revocable,
        log: ActivityWrites,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._ledger = ledger
        self._memberships = memberships
        self._standing = standing
        self._revocable = revocable
        self._log = log
        self._transactor = transactor
        self._clock = clock

    def send(self, wish: TransferWish, key: str) -> Transfer:
        """Move the money at once; once for each `key` of the sender.

        What is held, frozen or disputed cannot leave, and neither can a reward that may still be taken back.

        Raises:
            InvalidInput: the amount is no amount, below the least, or beyond what a day allows; or the receiver is
                the sender.
            NotFound: the user sees to no money of such a receiver, or belongs to no such customer.
            AccountSuspended: the sender's money has run out.
            CustomerBlocked: the operator has blocked the sender, or it is closed.
            Conflict: the same of the receiver.
            InsufficientBalance: the sender has not that much available.
        """
        amount_micros = _parsed(wish.amount)
        if wish.to_customer_id == wish.from_customer_id:
            raise InvalidInput.of("toCustomerId", "Money goes to another of your customers.")
        if not self._sees_to_money(wish.user_id, wish.to_customer_id):
            raise NotFound(_UNKNOWN)
        try:
            return with_fresh_reads(lambda: self._once(wish, amount_micros, key), stale=_STALE)
        except ConditionFailed as failed:
            if SENDER_ACTIVE in failed.asserts:
                raise CustomerBlocked from failed
            if RECEIVER_ACTIVE in failed.asserts:
                raise Conflict("That customer is blocked or closed, and takes no money.") from failed
            raise

    def list(self, customer_id: str, page: PageRequest) -> Page[Transfer]:
        """What a customer sent and received, newest first."""
        return self._records.transfers(customer_id, page)

    def _sees_to_money(self, user_id: str, customer_id: str) -> bool:
        return any(
            member.customer_id == customer_id and Scope.BILLING_WRITE in ROLE_SCOPES[member.role]
            for member in self._memberships.memberships(user_id)
        )

    def _once(self, wish: TransferWish, amount_micros: int, key: str) -> Transfer:
        if made := self._records.transfer_of_key(wish.from_customer_id, key):
            return made
        now = self._clock.now()
        source = self._ledger.change(wish.from_customer_id, now)
        target = self._ledger.change(wish.to_customer_id, now)
        sent = self._allowed(source, amount_micros, now.date())
        transfer = Transfer(
            id=new_id(Kind.TRANSFER, now),
            from_customer_id=wish.from_customer_id,
            to_customer_id=wish.to_customer_id,
            amount_micros=amount_micros,
            note=wish.note,
            made_by=wish.user_id,
            at=now,
        )
        _post(source, transfer, -amount_micros, wish.to_customer_id)
        _post(target, transfer, amount_micros, wish.from_customer_id)
        self._transactor.commit(
            [
                *self._records.insert_transfer(transfer, key),
                self._records.put_sent(sent),
                *source.writes(),
                *target.writes(),
                self._log.insert(_told(transfer)),
                self._records.active(wish.from_customer_id, SENDER_ACTIVE),
                self._records.active(wish.to_customer_id, RECEIVER_ACTIVE),
            ]
        )
        return transfer

    def _allowed(self, source: AccountChange, amount_micros: int, day: date) -> SentOnDay:
        """The day's new sum, where everything lets the money go. The account was read before all else is."""
        customer_id = source.account.customer_id
        if self._standing.is_suspended(customer_id):
            raise AccountSuspended("Your balance has run out; add funds before you send money away.")
        sent = self._records.sent_on(customer_id, day)
        after = replace(sent, amount_micros=sent.amount_micros + amount_micros)
        if after.amount_micros > MOST_PER_DAY_MICROS:
            left = format_amount(MOST_PER_DAY_MICROS - sent.amount_micros)
            raise InvalidInput.of("amount", f"Today (UTC) at most {left} USD more can be sent.")
        source.demand(amount_micros + self._revocable.revocable_micros(customer_id))
        return after


def _parsed(amount: str) -> int:
    try:
        micros = parse_amount(amount)
    except ValueError as error:
        raise InvalidInput.of("amount", str(error)) from error
    if micros < LEAST_MICROS or micros % (MICROS_PER_UNIT // 100):
        raise InvalidInput.of(
            "amount", f"A transfer is at least {format_amount(LEAST_MICROS)} USD, in whole cents."
        )
    return micros


def _post(change: AccountChange, transfer: Transfer, change_micros: int, other_customer_id: str) -> None:
    change.post_once(
        f"transfer:{transfer.id}",
        EntryType.TRANSFER,
        change_micros,
        account_name(other_customer_id),
        reference=transfer.id,
        reason=transfer.note,
        actor_user_id=transfer.made_by,
    )


def _told(transfer: Transfer) -> Activity:
    """What the receiver's log says; the door writes the sender's."""
    return Activity(
        id=new_id(Kind.ACTIVITY, transfer.at),
        customer_id=transfer.to_customer_id,
        at=transfer.at,
        actor_user_id=transfer.made_by,
        action="receive_transfer",
        outcome=Outcome.DONE,
        targets={"transferId": transfer.id, "fromCustomerId": transfer.from_customer_id},
        reason=transfer.note,
    )
