"""Stores the books: accounts, entries, holds."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.money.spending import Spent, spending_of, with_spending
from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import delete, insert, put
from chalicelib.domain.money.ledger.models import (
    NOTHING_SPENT,
    Account,
    Burn,
    Entry,
    EntryType,
    Hold,
    HoldPurpose,
    Posting,
    Spending,
)
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED, NOT_POSTED_BEFORE, EntryFilter
from chalicelib.domain.money.referral.codes import code_of
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

_ENTRY = "ENTRY#"
_BEYOND = "~"  # sorts after every digit and letter of a key


class AccountRecord(Spent, discriminator="ACCOUNT"):
    """`CUSTOMER#<customer>` / `ACCOUNT`."""

    posted_micros = IntegerAttribute()
    held_micros = IntegerAttribute()
    burn_weighted = IntegerAttribute()
    sequence = IntegerAttribute()
    last_entry_at = OptionalText()
    version = IntegerAttribute()


class BookRecord(Record, discriminator="BOOK"):
    """`LEDGER#<customer>` / `BOOK`, in `gsi1` under `BOOKS`: lists customers, and never changes.

    It is also in `gsi2` under `REFERRAL_CODES#<code>` / `<customer>`, because it exists from the start. The
    account itself is in no index, so that a change of money writes to no partition that all customers share.
    """


class EntryRecord(Record, discriminator="ENTRY"):
    """`LEDGER#<customer>` / `ENTRY#<time>#<number>`; by type in `gsi1` under `LEDGER#<customer>#<type>`.

    The times of an account's entries never go backwards, so the keys have the same order as the numbers.
    """

    id = UnicodeAttribute()
    sequence = IntegerAttribute()
    at = UnicodeAttribute()
    type = UnicodeAttribute()
    source = UnicodeAttribute()
    destination = UnicodeAttribute()
    amount_micros = IntegerAttribute()
    balance_after_micros = IntegerAttribute()
    reference = UnicodeAttribute()
    reason = OptionalText()
    actor_user_id = OptionalText()


class HoldRecord(Record, discriminator="HOLD"):
    """`CUSTOMER#<customer>` / `HOLD#<reference>`."""

    amount_micros = IntegerAttribute()
    purpose = UnicodeAttribute()
    placed_at = UnicodeAttribute()
    api_key_id = OptionalText()


class KeySpendingRecord(Spent, discriminator="KEY_SPENDING"):
    """`CUSTOMER#<customer>` / `KEY_SPENDING#<API key>`."""


class PostedMarker(Record, discriminator="POSTED"):
    """`LEDGER#<customer>` / `POSTED#<key>`: never deleted, because a key may be posted only once, ever."""


class DynamoLedgerRecords:
    """`LedgerRecords` on the single table."""

    def account(self, customer_id: str) -> Account | None:
        """A customer's account; see `LedgerRecords.account`."""
        try:
            return _account(AccountRecord.get(f"CUSTOMER#{customer_id}", "ACCOUNT", consistent_read=True))
        except AccountRecord.DoesNotExist:
            return None

    def insert_account(self, account: Account) -> Sequence[Write]:
        """Open an account; see `LedgerRecords.insert_account`."""
        customer_id = account.customer_id
        book = BookRecord(
            f"LEDGER#{customer_id}",
            "BOOK",
            gsi1pk="BOOKS",
            gsi1sk=customer_id,
            gsi2pk=f"REFERRAL_CODES#{code_of(customer_id)}",
            gsi2sk=customer_id,
        )
        return [insert(_account_record(account), "new_account"), insert(book, "new_account")]

    def replace_account(self, before: Account, after: Account) -> Write:
        """Change an account; see `LedgerRecords.replace_account`."""
        return put(_account_record(after), AccountRecord.version == before.version, ACCOUNT_UNCHANGED)

    def key_spending(self, customer_id: str, api_key_id: str) -> Spending:
        """What a key's machines have cost; see `LedgerRecords.key_spending`."""
        try:
            sk = f"KEY_SPENDING#{api_key_id}"
            return spending_of(KeySpendingRecord.get(f"CUSTOMER#{customer_id}", sk, consistent_read=True))
        except KeySpendingRecord.DoesNotExist:
            return NOTHING_SPENT

    def put_key_spending(self, customer_id: str, api_key_id: str, spending: Spending) -> Write:
        """Store a key's spending; see `LedgerRecords.put_key_spending`."""
        record = KeySpendingRecord(f"CUSTOMER#{customer_id}", f"KEY_SPENDING#{api_key_id}")
        return put(with_spending(record, spending))

    def insert_entry(self, entry: Entry) -> Write:
        """Append an entry; see `LedgerRecords.insert_entry`."""
        return insert(_entry_record(entry), ACCOUNT_UNCHANGED)

    def insert_marker(self, customer_id: str, key: str) -> Write:
        """Record that `key` was posted; see `LedgerRecords.insert_marker`."""
        return insert(PostedMarker(f"LEDGER#{customer_id}", f"POSTED#{key}"), NOT_POSTED_BEFORE)

    def was_posted(self, customer_id: str, key: str) -> bool:
        """Whether `key` was posted; see `LedgerRecords.was_posted`."""
        try:
            PostedMarker.get(f"LEDGER#{customer_id}", f"POSTED#{key}", consistent_read=True)
        except PostedMarker.DoesNotExist:
            return False
        return True

    def entries(self, customer_id: str, wanted: EntryFilter, page: PageRequest) -> Page[Entry]:
        """A customer's entries; see `LedgerRecords.entries`."""
        low = f"{_ENTRY}{isoformat(wanted.start)}" if wanted.start else _ENTRY
        high = f"{_ENTRY}{isoformat(wanted.end)}" if wanted.end else f"{_ENTRY}{_BEYOND}"
        in_order = EntryRecord.sk if wanted.type is None else EntryRecord.gsi1sk
        partition = f"LEDGER#{customer_id}" + (f"#{wanted.type}" if wanted.type else "")
        return query_page(
            EntryRecord,
            partition,
            page,
            lambda record: _entry(customer_id, record),
            sort_key=in_order.between(low, high),
            index_name="gsi1" if wanted.type else None,
            ascending=False,
        )

    def all_entries(self, customer_id: str, since: datetime | None = None) -> Iterator[Entry]:
        """Every entry, oldest first; see `LedgerRecords.all_entries`."""
        low = f"{_ENTRY}{isoformat(since)}" if since else _ENTRY
        in_time = EntryRecord.sk.between(low, f"{_ENTRY}{_BEYOND}")
        found = EntryRecord.query(f"LEDGER#{customer_id}", in_time, consistent_read=True)
        return (_entry(customer_id, record) for record in found)

    def customer_ids(self) -> Iterator[str]:
        """Every customer with an account; see `LedgerRecords.customer_ids`."""
        return (record.pk.removeprefix("LEDGER#") for record in BookRecord.query("BOOKS", index_name="gsi1"))

    def hold(self, customer_id: str, reference: str) -> Hold | None:
        """The hold for `reference`; see `LedgerRecords.hold`."""
        try:
            record = HoldRecord.get(f"CUSTOMER#{customer_id}", f"HOLD#{reference}", consistent_read=True)
        except HoldRecord.DoesNotExist:
            return None
        return _hold(customer_id, record)

    def holds(self, customer_id: str) -> Iterator[Hold]:
        """Every hold of a customer; see `LedgerRecords.holds`."""
        found = HoldRecord.query(
            f"CUSTOMER#{customer_id}", HoldRecord.sk.startswith("HOLD#"), consistent_read=True
        )
        return (_hold(customer_id, record) for record in found)

    def insert_hold(self, hold: Hold) -> Write:
        """Place a hold; see `LedgerRecords.insert_hold`."""
        return insert(_hold_record(hold), ACCOUNT_UNCHANGED)

    def replace_hold(self, before: Hold, after: Hold) -> Write:
        """Change a hold; see `LedgerRecords.replace_hold`."""
        return put(_hold_record(after), HoldRecord.amount_micros == before.amount_micros, ACCOUNT_UNCHANGED)

    def delete_hold(self, hold: Hold) -> Write:
        """Remove a hold; see `LedgerRecords.delete_hold`."""
        return delete(_hold_record(hold), HoldRecord.amount_micros == hold.amount_micros, ACCOUNT_UNCHANGED)


def _account(record: AccountRecord) -> Account:
    return Account(
        customer_id=record.pk.removeprefix("CUSTOMER#"),
        posted_micros=record.posted_micros,
        held_micros=record.held_micros,
        burn=Burn(record.burn_micros_per_hour, record.burn_weighted),
        spending=spending_of(record),
        sequence=record.sequence,
        last_entry_at=parse_isoformat(record.last_entry_at) if record.last_entry_at else None,
        version=record.version,
    )


def _account_record(account: Account) -> AccountRecord:
    record = AccountRecord(
        f"CUSTOMER#{account.customer_id}",
        "ACCOUNT",
        posted_micros=account.posted_micros,
        held_micros=account.held_micros,
        burn_weighted=account.burn.weighted,
        sequence=account.sequence,
        last_entry_at=isoformat(account.last_entry_at) if account.last_entry_at else None,
        version=account.version,
    )
    return with_spending(record, account.spending)


def _entry(customer_id: str, record: EntryRecord) -> Entry:
    return Entry(
        id=record.id,
        customer_id=customer_id,
        sequence=record.sequence,
        at=parse_isoformat(record.at),
        type=EntryType(record.type),
        posting=Posting(record.source, record.destination, record.amount_micros),
        balance_after_micros=record.balance_after_micros,
        reference=record.reference,
        reason=record.reason or "",
        actor_user_id=record.actor_user_id or "",
    )


def _entry_record(entry: Entry) -> EntryRecord:
    key = f"{_ENTRY}{isoformat(entry.at)}#{entry.sequence:012d}"
    return EntryRecord(
        f"LEDGER#{entry.customer_id}",
        key,
        gsi1pk=f"LEDGER#{entry.customer_id}#{entry.type}",
        gsi1sk=key,
        id=entry.id,
        sequence=entry.sequence,
        at=isoformat(entry.at),
        type=entry.type.value,
        source=entry.posting.source,
        destination=entry.posting.destination,
        amount_micros=entry.posting.amount_micros,
        balance_after_micros=entry.balance_after_micros,
        reference=entry.reference,
        reason=entry.reason or None,
        actor_user_id=entry.actor_user_id or None,
    )


def _hold(customer_id: str, record: HoldRecord) -> Hold:
    return Hold(
        customer_id=customer_id,
        reference=record.sk.removeprefix("HOLD#"),
        amount_micros=record.amount_micros,
        purpose=HoldPurpose(record.purpose),
        placed_at=parse_isoformat(record.placed_at),
        api_key_id=record.api_key_id or "",
    )


def _hold_record(hold: Hold) -> HoldRecord:
    return HoldRecord(
        f"CUSTOMER#{hold.customer_id}",
        f"HOLD#{hold.reference}",
        amount_micros=hold.amount_micros,
        purpose=hold.purpose.value,
        placed_at=isoformat(hold.placed_at),
        api_key_id=hold.api_key_id or None,
    )
