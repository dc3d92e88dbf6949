"""Changes and reads accounts.

Every change to an account goes through `AccountChange`. It starts from the account as it was read, collects the
effects, and returns the writes for the caller's transaction. The same transaction checks the account's version, so
that check and change are one step (G07), and an acknowledged change is neither lost nor applied twice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from chalicelib.domain.money.ledger.errors import InsufficientBalance
from chalicelib.domain.money.ledger.models import (
    Account,
    Balance,
    Burn,
    Entry,
    EntryType,
    Hold,
    HoldPurpose,
    Operator,
    Posting,
    Spending,
    account_name,
    balance_at,
    frozen_micros,
)
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED, NOT_POSTED_BEFORE, EntryFilter, LedgerRecords
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.money import format_amount
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

T = TypeVar("T")

_TICK = timedelta(microseconds=1)


class AccountChange:
    """Collects effects on one account, and returns them as the writes of one transaction."""

    def __init__(self, account: Account, at: datetime, records: LedgerRecords) -> None:
        self._before = account
        self._after = account
        self._at = at
        self._records = records
        self._writes: list[Write] = []
        self._of_keys: dict[str, Spending] = {}

    @property
    def account(self) -> Account:
        """The account after all effects so far."""
        return self._after

    @property
    def spendable_micros(self) -> int:
        """The money that can be given away now: not held, and not used by running machines since the last
        metering.
        """
        return self._after.available_micros - self._after.burn.unposted_micros(self._at)

    def post(
        self,
        type_: EntryType,
        change_micros: int,
        counterpart: str,
        *,
        reference: str,
        reason: str = "",
        actor_user_id: str = "",
    ) -> Entry:
        """Append an entry that adds `change_micros` (not zero) to the balance; `counterpart` is the other
        account.
        """
        account = self._after
        own = account_name(account.customer_id)
        source, destination = (counterpart, own) if change_micros > 0 else (own, counterpart)
        at = max(self._at, account.last_entry_at + _TICK) if account.last_entry_at else self._at
        entry = Entry(
            id=new_id(Kind.ENTRY, at),
            customer_id=account.customer_id,
            sequence=account.sequence + 1,
            at=at,
            type=type_,
            posting=Posting(source, destination, abs(change_micros)),
            balance_after_micros=account.posted_micros + change_micros,
            reference=reference,
            reason=reason,
            actor_user_id=actor_user_id,
        )
        self._after = replace(
            account,
            posted_micros=entry.balance_after_micros,
            sequence=entry.sequence,
            last_entry_at=at,
        )
        self._writes.append(self._records.insert_entry(entry))
        return entry

    def post_once(
        self,
        key: str,
        type_: EntryType,
        change_micros: int,
        counterpart: str,
        *,
        reference: str,
        reason: str = "",
        actor_user_id: str = "",
    ) -> Entry:
        """Append an entry that can be posted only once for `key`, ever; a second time NOT_POSTED_BEFORE fails."""
        self._writes.append(self._records.insert_marker(self._after.customer_id, key))
        return self.post(
            type_, change_micros, counterpart, reference=reference, reason=reason, actor_user_id=actor_user_id
        )

    def freeze(self, reference: str, amount_micros: int, purpose: HoldPurpose, *, api_key_id: str = "") -> Hold:
        """Hold money even if it is not available; the available balance may become negative."""
        hold = Hold(self._after.customer_id, reference, amount_micros, purpose, self._at, api_key_id)
        self._hold_more(amount_micros)
        self._writes.append(self._records.insert_hold(hold))
        return hold

    def demand(self, amount_micros: int) -> None:
        """Check that `amount_micros` can be spent (G07).

        Raises:
            InsufficientBalance: less than `amount_micros` is available.
        """
        spendable = self.spendable_micros
        if spendable < amount_micros:
            raise InsufficientBalance(
                f"This needs {format_amount(amount_micros)} USD available; "
                f"you have {format_amount(max(0, spendable))} USD. Add funds first."
            )

    def place_hold(
        self,
        reference: str,
        amount_micros: int,
        purpose: HoldPurpose = HoldPurpose.PROVISIONING,
        *,
        api_key_id: str = "",
    ) -> Hold:
        """Hold money that must be available.

        Raises:
            InsufficientBalance: less than `amount_micros` is available.
        """
        self.demand(amount_micros)
        return self.freeze(reference, amount_micros, purpose, api_key_id=api_key_id)

    def convert_hold(self, hold: Hold, amount_micros: int) -> Hold:
        """Turn `hold` into the reserve of a running machine, with at most its present amount."""
        turned = replace(hold, amount_micros=min(hold.amount_micros, amount_micros), purpose=HoldPurpose.RUNNING)
        self._hold_more(turned.amount_micros - hold.amount_micros)
        self._writes.append(self._records.replace_hold(hold, turned))
        return turned

    def release_hold(self, hold: Hold) -> None:
        """Release `hold`: its money is available again."""
        self._hold_more(-hold.amount_micros)
        self._writes.append(self._records.delete_hold(hold))

    def change_burn(self, change: Callable[[Burn], Burn]) -> None:
        """Apply a change of the burn: meters opened, moved or closed."""
        self._after = replace(self._after, burn=change(self._after.burn))

    def count(self, change: Callable[[Spending], Spending], api_key_id: str = "") -> None:
        """Apply a change of a meter to the customer's spending, and to that of its API key, if it has one."""
        account = self._after
        self._after = replace(account, spending=change(account.spending))
        if api_key_id:
            before = self._of_keys.get(api_key_id) or self._records.key_spending(account.customer_id, api_key_id)
            self._of_keys[api_key_id] = change(before)

    def _hold_more(self, amount_micros: int) -> None:
        self._after = replace(self._after, held_micros=self._after.held_micros + amount_micros)

    def seal(self) -> Write:
        """A write that only raises the account's version: commit it with a decision that no change may
        overtake.
        """
        return self._records.replace_account(self._before, replace(self._before, version=self._before.version + 1))

    def writes(self) -> Sequence[Write]:
        """All collected writes; none if nothing changed."""
        if self._after == self._before:
            return self._writes
        after = replace(self._after, version=self._before.version + 1)
        keys = [
            self._records.put_key_spending(after.customer_id, api_key_id, spending)
            for api_key_id, spending in self._of_keys.items()
        ]
        return [self._records.replace_account(self._before, after), *keys, *self._writes]


class Ledger:
    """The books of all customers."""

    def __init__(self, records: LedgerRecords, transactor: Transactor, clock: Clock) -> None:
        self._records = records
        self._transactor = transactor
        self._clock = clock

    def open_account(self, customer_id: str) -> Sequence[Write]:
        """The writes that open an empty account, for the transaction that creates the customer."""
        return self._records.insert_account(Account(customer_id))

    def change(self, customer_id: str, at: datetime) -> AccountChange:
        """Start a change to a customer's account, from a fresh read.

        Raises:
            NotFound: there is no such customer.
        """
        account = self._records.account(customer_id)
        if account is None:
            raise NotFound("There is no such customer.")
        return AccountChange(account, at, self._records)

    def hold(self, customer_id: str, reference: str) -> Hold | None:
        """The hold for `reference`; None if there is none."""
        return self._records.hold(customer_id, reference)

    def holds(self, customer_id: str) -> Iterator[Hold]:
        """Every hold of a customer."""
        return self._records.holds(customer_id)

    def balance(self, customer_id: str) -> Balance:
        """A customer's balance now.

        Raises:
            NotFound: there is no such customer.
        """
        now = self._clock.now()
        account = self.change(customer_id, now).account
        return balance_at(account, now, frozen_micros(self._records.holds(customer_id)))

    def entries(self, customer_id: str, wanted: EntryFilter, page: PageRequest) -> Page[Entry]:
        """A customer's entries, newest first."""
        return self._records.entries(customer_id, wanted, page)

    def entries_since(self, customer_id: str, since: datetime) -> Iterator[Entry]:
        """A customer's entries from `since` on, oldest first; strongly consistent."""
        return self._records.all_entries(customer_id, since)

    def credit(
        self,
        customer_id: str,
        amount_micros: int,
        *,
        reason: str,
        actor_user_id: str,
        key: str,
        unless: Callable[[], None] | None = None,
    ) -> Balance:
        """Give a customer a credit; once for each `key`.

        Args:
            customer_id: the customer that gets it.
            amount_micros: the amount.
            reason: shown to the customer.
            actor_user_id: the user who gives it.
            key: identifies this credit for ever.
            unless: raises an error if the credit must not be given; not called for a repeated `key`. It may read
            the
                books: the transaction fails if the account changed since.

        Raises:
            NotFound: there is no such customer.
        """

        def post() -> Balance:
            if self._records.was_posted(customer_id, key):
                return self.balance(customer_id)
            now = self._clock.now()
            change = self.change(customer_id, now)
            if unless is not None:
                unless()
            change.post(
                EntryType.CREDIT,
                amount_micros,
                Operator.CREDITS,
                reference=key,
                reason=reason,
                actor_user_id=actor_user_id,
            )
            self._transactor.commit([self._records.insert_marker(customer_id, key), *change.writes()])
            return balance_at(change.account, now, frozen_micros(self._records.holds(customer_id)))

        try:
            return with_fresh_reads(post, stale=frozenset({ACCOUNT_UNCHANGED}))
        except ConditionFailed as failed:
            if NOT_POSTED_BEFORE not in failed.asserts:
                raise
            return self.balance(customer_id)
