"""Transfers of money between customers of the same user.

One transaction debits one account and credits the other. Each book has an entry with the same posting and the
transfer's id, so that the two can be compared (G12), and no money is ever in between.
"""

from dataclasses import replace
from datetime import date

from chalicelib.domain.foundation.access.errors import CustomerBlocked
from chalicelib.domain.foundation.access.models import ROLE_SCOPES, Scope
from chalicelib.domain.foundation.access.ports import CustomerStanding
from chalicelib.domain.foundation.activity.models import Activity, Outcome
from chalicelib.domain.foundation.activity.ports import ActivityWrites
from chalicelib.domain.money.ledger.errors import AccountSuspended
from chalicelib.domain.money.ledger.models import EntryType, account_name
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import AccountChange, Ledger
from chalicelib.domain.money.transfers.models import SentOnDay, Transfer, TransferRequest
from chalicelib.domain.money.transfers.ports import (
    NEW_TRANSFER,
    RECEIVER_ACTIVE,
    SENDER_ACTIVE,
    Memberships,
    Revocable,
    TransferRecords,
)
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, InvalidInput, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.money import MICROS_PER_UNIT, format_amount, parse_amount
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, with_fresh_reads

MIN_MICROS = 1 * MICROS_PER_UNIT
MAX_PER_DAY_MICROS = 10_000 * MICROS_PER_UNIT
"""The most that a customer may send in one day (UTC), to all receivers together."""
_STALE = frozenset({ACCOUNT_UNCHANGED, NEW_TRANSFER})
_UNKNOWN = "You have no such customer, or may not see to its money."


class Transfers:
    """Transfers money between the customers of one user."""

    def __init__(
        self,
        records: TransferRecords,
        ledger: Ledger,
        memberships: Memberships,
        standing: CustomerStanding,
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

    def send(self, wanted: TransferRequest, key: str) -> Transfer:
        """Transfer the money at once; once for each `key` of the sender.

        Money that is held, frozen or disputed cannot be sent, nor a reward that may still be taken back.

        Raises:
            InvalidInput: the amount is not valid, too small, or above the daily limit; or the receiver is the
            sender.
            NotFound: the user belongs to no such customer, or may not manage its money.
            AccountSuspended: the sender's balance has run out.
            CustomerBlocked: the sender is blocked or closed.
            Conflict: the receiver is blocked or closed.
            InsufficientBalance: the amount is not available.
        """
        amount_micros = _parsed(wanted.amount)
        if wanted.to_customer_id == wanted.from_customer_id:
            raise InvalidInput.of("toCustomerId", "Money goes to another of your customers.")
        if not self._manages_money(wanted.user_id, wanted.to_customer_id):
            raise NotFound(_UNKNOWN)
        try:
            return with_fresh_reads(lambda: self._once(wanted, amount_micros, key), stale=_STALE)
        except ConditionFailed as failed:
            if SENDER_ACTIVE in failed.asserts:
                raise CustomerBlocked from failed
            if RECEIVER_ACTIVE in failed.asserts:
                raise Conflict("That customer is blocked or closed, and takes no money.") from failed
            raise

    def list(self, customer_id: str, page: PageRequest) -> Page[Transfer]:
        """The transfers that a customer sent and received, newest first."""
        return self._records.transfers(customer_id, page)

    def _manages_money(self, user_id: str, customer_id: str) -> bool:
        return any(
            member.customer_id == customer_id and Scope.BILLING_WRITE in ROLE_SCOPES[member.role]
            for member in self._memberships.memberships(user_id)
        )

    def _once(self, wanted: TransferRequest, amount_micros: int, key: str) -> Transfer:
        if made := self._records.transfer_of_key(wanted.from_customer_id, key):
            return made
        now = self._clock.now()
        source = self._ledger.change(wanted.from_customer_id, now)
        target = self._ledger.change(wanted.to_customer_id, now)
        sent = self._allowed(source, amount_micros, now.date())
        transfer = Transfer(
            id=new_id(Kind.TRANSFER, now),
            from_customer_id=wanted.from_customer_id,
            to_customer_id=wanted.to_customer_id,
            amount_micros=amount_micros,
            note=wanted.note,
            made_by=wanted.user_id,
            at=now,
        )
        _post(source, transfer, -amount_micros, wanted.to_customer_id)
        _post(target, transfer, amount_micros, wanted.from_customer_id)
        self._transactor.commit(
            [
                *self._records.insert_transfer(transfer, key),
                self._records.put_sent(sent),
                *source.writes(),
                *target.writes(),
                self._log.insert(_received_activity(transfer)),
                self._records.active(wanted.from_customer_id, SENDER_ACTIVE),
                self._records.active(wanted.to_customer_id, RECEIVER_ACTIVE),
            ]
        )
        return transfer

    def _allowed(self, source: AccountChange, amount_micros: int, day: date) -> SentOnDay:
        """The day's new sum, if the transfer is allowed. `source` must be read before everything that is checked
        here.
        """
        customer_id = source.account.customer_id
        if self._standing.is_suspended(customer_id):
            raise AccountSuspended("Your balance has run out; add funds before you send money away.")
        sent = self._records.sent_on(customer_id, day)
        after = replace(sent, amount_micros=sent.amount_micros + amount_micros)
        if after.amount_micros > MAX_PER_DAY_MICROS:
            left = format_amount(MAX_PER_DAY_MICROS - sent.amount_micros)
            raise InvalidInput.of("amount", f"Today (UTC) at most {left} USD more can be sent.")
        source.demand(amount_micros + self._revocable.revocable_micros(customer_id))
        return after


def _parsed(amount: str) -> int:
    try:
        micros = parse_amount(amount)
    except ValueError as error:
        raise InvalidInput.of("amount", str(error)) from error
    if micros < MIN_MICROS or micros % (MICROS_PER_UNIT // 100):
        raise InvalidInput.of("amount", f"A transfer is at least {format_amount(MIN_MICROS)} USD, in whole cents.")
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


def _received_activity(transfer: Transfer) -> Activity:
    """The receiver's activity record. The endpoint decorator writes the sender's."""
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
