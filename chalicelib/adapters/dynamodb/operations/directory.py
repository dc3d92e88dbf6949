"""The directory of customers, and the staff's notes about them."""

from collections.abc import Callable, Sequence

from pynamodb.attributes import JSONAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamodb.foundation.places import CustomerRecord
from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import delete, put, update
from chalicelib.domain.foundation.access.models import CustomerStatus
from chalicelib.domain.operations.directory.models import Entry, Notes
from chalicelib.domain.operations.directory.ports import CUSTOMER_UNCHANGED, ENTRY_UNCHANGED
from chalicelib.domain.people.accounts.models import Customer
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

_ALL = "DIRECTORY"
_SHARD_LENGTH = 2
"""Words that begin with the same two characters share one partition."""
_MAX_READS = 10


class DirectoryRecord(Record, discriminator="DIRECTORY_ENTRY"):
    """`CUSTOMER#<customer>` / `DIRECTORY`; all in `gsi1` under `DIRECTORY`, in `gsi2` by status."""

    name = UnicodeAttribute()
    company = OptionalText()
    email = OptionalText()
    status = UnicodeAttribute()
    created_at = UnicodeAttribute()
    words = JSONAttribute()
    version = IntegerAttribute()


class WordRecord(DirectoryRecord, discriminator="DIRECTORY_WORD"):
    """`DIRECTORY#<two characters>` / `<word>#<customer>`: a copy of the entry for each of its words."""


class StaffNotesRecord(Record, discriminator="STAFF_NOTES"):
    """`CUSTOMER#<customer>` / `STAFF_NOTES`: the staff's notes about a customer."""

    text = OptionalText()
    status_reason = OptionalText()
    status_changed_at = OptionalText()


class DynamoDirectory:
    """`Entries`: one item per customer, and one per word."""

    def get(self, customer_id: str) -> Entry | None:
        """A customer's entry; see `Entries.get`."""
        try:
            return _entry(DirectoryRecord.get(f"CUSTOMER#{customer_id}", "DIRECTORY", consistent_read=True))
        except DirectoryRecord.DoesNotExist:
            return None

    def replace(self, before: Entry | None, after: Entry) -> Sequence[Write]:
        """Replace an entry and its words; see `Entries.replace`."""
        unchanged = DirectoryRecord.version == before.version if before else DirectoryRecord.pk.does_not_exist()
        entry = _filled(DirectoryRecord(f"CUSTOMER#{after.customer_id}", "DIRECTORY"), after)
        entry.gsi1pk, entry.gsi1sk = _ALL, after.customer_id
        entry.gsi2pk, entry.gsi2sk = f"{_ALL}#{after.status}", after.customer_id
        left = [word for word in before.words if word not in after.words] if before else []
        return [
            put(entry, unchanged, ENTRY_UNCHANGED),
            *(put(_filled(_word(word, after.customer_id), after)) for word in after.words),
            *(delete(_word(word, after.customer_id)) for word in left),
        ]

    def newest(self, page: PageRequest, status: CustomerStatus | None) -> Page[Entry]:
        """Return all entries, newest first; see `Entries.newest`."""
        partition, index = (f"{_ALL}#{status}", "gsi2") if status else (_ALL, "gsi1")
        return query_page(DirectoryRecord, partition, page, _entry, index_name=index, ascending=False)

    def with_id(self, beginning: str, page: PageRequest) -> Page[Entry]:
        """Return entries by the beginning of their id; see `Entries.with_id`."""
        begins = DirectoryRecord.gsi1sk.startswith(beginning)
        return query_page(DirectoryRecord, _ALL, page, _entry, sort_key=begins, index_name="gsi1", ascending=False)

    def with_word(self, beginning: str, page: PageRequest, wanted: Callable[[Entry], bool]) -> Page[Entry]:
        """Return entries by the beginning of a word; see `Entries.with_word`."""
        found: list[Entry] = []
        cursor = page.cursor
        for _ in range(_MAX_READS):
            read = query_page(
                WordRecord,
                _shard(beginning),
                PageRequest(page.limit - len(found), cursor),
                _found_by,
                sort_key=WordRecord.sk.startswith(beginning),
            )
            # A customer with several matching words appears at the first of them.
            found += [
                entry
                for word, entry in read.items
                if word == min(one for one in entry.words if one.startswith(beginning)) and wanted(entry)
            ]
            cursor = read.next_cursor
            if cursor is None or len(found) >= page.limit:
                break
        return Page(found, cursor)


class DynamoCustomers:
    """`CustomerRecords` on the single table."""

    def get(self, customer_id: str) -> Customer | None:
        """The customer; see `CustomerRecords.get`."""
        try:
            record = CustomerRecord.get(f"CUSTOMER#{customer_id}", "CUSTOMER", consistent_read=True)
        except CustomerRecord.DoesNotExist:
            return None
        return Customer(
            id=customer_id,
            name=record.name,
            created_at=parse_isoformat(record.created_at),
            company=record.company or "",
            status=CustomerStatus(record.status or CustomerStatus.ACTIVE),
        )

    def is_closed(self, customer_id: str) -> bool:
        """Whether the customer is closed; see `Customers.is_closed` of the refunds."""
        customer = self.get(customer_id)
        return customer is not None and customer.status is CustomerStatus.CLOSED

    def replace(self, before: Customer, after: Customer) -> Write:
        """Change the customer; see `CustomerRecords.replace`."""
        company = CustomerRecord.company.set(after.company) if after.company else CustomerRecord.company.remove()
        actions = [CustomerRecord.name.set(after.name), company, CustomerRecord.status.set(after.status.value)]
        return update(
            CustomerRecord(f"CUSTOMER#{after.id}", "CUSTOMER"), actions, _has_status(before), CUSTOMER_UNCHANGED
        )

    def notes(self, customer_id: str) -> Notes:
        """Return the staff's notes; see `CustomerRecords.notes`."""
        try:
            record = StaffNotesRecord.get(f"CUSTOMER#{customer_id}", "STAFF_NOTES", consistent_read=True)
        except StaffNotesRecord.DoesNotExist:
            return Notes()
        changed_at = record.status_changed_at
        return Notes(
            text=record.text or "",
            status_reason=record.status_reason or "",
            status_changed_at=parse_isoformat(changed_at) if changed_at else None,
        )

    def put_notes(self, customer_id: str, notes: Notes) -> Write:
        """Replace the staff's notes; see `CustomerRecords.put_notes`."""
        changed_at = notes.status_changed_at
        return put(
            StaffNotesRecord(
                f"CUSTOMER#{customer_id}",
                "STAFF_NOTES",
                text=notes.text or None,
                status_reason=notes.status_reason or None,
                status_changed_at=isoformat(changed_at) if changed_at else None,
            )
        )


def _has_status(customer: Customer) -> Condition:
    same: Condition = CustomerRecord.status == customer.status.value
    if customer.status is CustomerStatus.ACTIVE:
        unset: Condition = CustomerRecord.pk.exists() & CustomerRecord.status.does_not_exist()
        either: Condition = same | unset
        return either
    return same


def _shard(word: str) -> str:
    return f"{_ALL}#{word[:_SHARD_LENGTH]}"


def _word(word: str, customer_id: str) -> WordRecord:
    return WordRecord(_shard(word), f"{word}#{customer_id}")


def _filled(record: DirectoryRecord, entry: Entry) -> DirectoryRecord:
    record.name = entry.name
    record.company = entry.company or None
    record.email = entry.email or None
    record.status = entry.status.value
    record.created_at = isoformat(entry.created_at)
    record.words = list(entry.words)
    record.version = entry.version + 1
    return record


def _found_by(record: WordRecord) -> tuple[str, Entry]:
    word, _, customer_id = record.sk.rpartition("#")  # an address may contain #, an id never does
    return word, _entry_of(customer_id, record)


def _entry(record: DirectoryRecord) -> Entry:
    return _entry_of(record.pk.partition("#")[2], record)


def _entry_of(customer_id: str, record: DirectoryRecord) -> Entry:
    return Entry(
        customer_id=customer_id,
        name=record.name,
        company=record.company or "",
        email=record.email or "",
        status=CustomerStatus(record.status),
        created_at=parse_isoformat(record.created_at),
        words=tuple(record.words),
        version=record.version,
    )
