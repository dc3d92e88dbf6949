"""Stores billing profiles, invoices, credit notes, and the number ranges of documents.

A document is stored whole, as compressed JSON: it never changes, and a month of many machines fits into one item.
The fields that lists show are separate attributes.
"""

import hashlib
import zlib
from datetime import datetime

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute

from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import DynamoWrite, insert, put
from chalicelib.adapters.shared.json import json_form
from chalicelib.domain.money.billing.models import (
    BillingProfile,
    BillingState,
    Credited,
    CreditNote,
    Document,
    DocumentSummary,
    Invoice,
    NumberRange,
    Series,
)
from chalicelib.domain.money.billing.ports import CREDITED_UNCHANGED, NUMBER_FREE, STATE_UNCHANGED
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.kernel.pages import Page, PageRequest

_INVOICE = "INVOICE#"
_CREDIT_NOTE = "CREDIT_NOTE#"


class BillingProfileRecord(Record, discriminator="BILLING_PROFILE"):
    """`CUSTOMER#<customer>` / `BILLING_PROFILE`."""

    content = UnicodeAttribute()


class BillingStateRecord(Record, discriminator="BILLING_STATE"):
    """`CUSTOMER#<customer>` / `BILLING_STATE`: how far the ledger is invoiced."""

    content = UnicodeAttribute()
    version = IntegerAttribute()


class DocumentRecord(Record, discriminator="DOCUMENT"):
    """`CUSTOMER#<customer>` / `INVOICE#<invoice>` or `CREDIT_NOTE#<credit note>`, in the order of their ids."""

    number = UnicodeAttribute()
    issued_at = UnicodeAttribute()
    total_cents = IntegerAttribute()
    tax_cents = IntegerAttribute()
    period_start = OptionalText()
    period_end = OptionalText()
    invoice_id = OptionalText()
    content = BinaryAttribute(legacy_encoding=False)


class CreditedRecord(Record, discriminator="CREDITED"):
    """`CUSTOMER#<customer>` / `CREDITED#<invoice>`: how much of the invoice credit notes have given back."""

    content = UnicodeAttribute()
    cents = IntegerAttribute()


class NumberRangeRecord(Record, discriminator="NUMBER_RANGE"):
    """`NUMBERS#<seller>#<year>` / `<series>`: the last number that was given out."""

    last_number = IntegerAttribute()
    last_issued_at = UnicodeAttribute()


class DynamoBillingRecords:
    """`BillingRecords` on the single table."""

    def profile(self, customer_id: str) -> BillingProfile | None:
        """A billing profile; see `BillingRecords.profile`."""
        try:
            found = BillingProfileRecord.get(_partition(customer_id), "BILLING_PROFILE", consistent_read=True)
        except BillingProfileRecord.DoesNotExist:
            return None
        return json_form(BillingProfile).validate_json(found.content)

    def put_profile(self, profile: BillingProfile) -> DynamoWrite:
        """Set a billing profile; see `BillingRecords.put_profile`."""
        content = json_form(BillingProfile).dump_json(profile).decode()
        return put(BillingProfileRecord(_partition(profile.customer_id), "BILLING_PROFILE", content=content))

    def state(self, customer_id: str) -> BillingState | None:
        """How far a customer is invoiced; see `BillingRecords.state`."""
        try:
            found = BillingStateRecord.get(_partition(customer_id), "BILLING_STATE", consistent_read=True)
        except BillingStateRecord.DoesNotExist:
            return None
        return json_form(BillingState).validate_json(found.content)

    def replace_state(self, before: BillingState, after: BillingState) -> DynamoWrite:
        """Replace the state; see `BillingRecords.replace_state`."""
        record = BillingStateRecord(
            _partition(after.customer_id),
            "BILLING_STATE",
            content=json_form(BillingState).dump_json(after).decode(),
            version=after.version,
        )
        if not before.version:
            return insert(record, STATE_UNCHANGED)
        return put(record, BillingStateRecord.version == before.version, STATE_UNCHANGED)

    def number_range(self, series: Series, seller: str, year: int) -> NumberRange:
        """The numbers given out; see `BillingRecords.number_range`."""
        try:
            found = NumberRangeRecord.get(f"NUMBERS#{seller}#{year}", series.value, consistent_read=True)
        except NumberRangeRecord.DoesNotExist:
            return NumberRange(series, seller, year)
        return NumberRange(series, seller, year, found.last_number, parse_isoformat(found.last_issued_at))

    def take_number(self, before: NumberRange, after: NumberRange) -> DynamoWrite:
        """Give out the next number; see `BillingRecords.take_number`."""
        if after.last_issued_at is None:
            raise ValueError(f"a number that was given out was given at some time: {after}")
        record = NumberRangeRecord(
            f"NUMBERS#{after.seller}#{after.year}",
            after.series.value,
            last_number=after.last_number,
            last_issued_at=isoformat(after.last_issued_at),
        )
        if not before.last_number:
            return insert(record, NUMBER_FREE)
        return put(record, NumberRangeRecord.last_number == before.last_number, NUMBER_FREE)

    def insert_invoice(self, invoice: Invoice) -> DynamoWrite:
        """Store an invoice; see `BillingRecords.insert_invoice`."""
        record = DocumentRecord(
            _partition(invoice.customer_id),
            _INVOICE + invoice.id,
            number=invoice.number,
            issued_at=isoformat(invoice.issued_at),
            total_cents=invoice.totals.total_cents,
            tax_cents=invoice.totals.tax_cents,
            period_start=isoformat(invoice.period.start),
            period_end=isoformat(invoice.period.end),
            content=zlib.compress(json_form(Invoice).dump_json(invoice), level=9),
        )
        return insert(record, "new_invoice")

    def invoice(self, customer_id: str, invoice_id: str) -> Invoice | None:
        """An invoice; see `BillingRecords.invoice`."""
        content = _content(customer_id, _INVOICE + invoice_id)
        return None if content is None else json_form(Invoice).validate_json(content)

    def invoices(self, customer_id: str, page: PageRequest) -> Page[DocumentSummary]:
        """Invoices, newest first; see `BillingRecords.invoices`."""
        return _summaries(customer_id, _INVOICE, page)

    def insert_credit_note(self, note: CreditNote) -> DynamoWrite:
        """Store a credit note; see `BillingRecords.insert_credit_note`."""
        record = DocumentRecord(
            _partition(note.customer_id),
            _CREDIT_NOTE + note.id,
            number=note.number,
            issued_at=isoformat(note.issued_at),
            total_cents=note.total_cents,
            tax_cents=note.tax_cents,
            invoice_id=note.invoice_id,
            content=zlib.compress(json_form(CreditNote).dump_json(note), level=9),
        )
        return insert(record, "new_credit_note")

    def credit_note(self, customer_id: str, credit_note_id: str) -> CreditNote | None:
        """A credit note; see `BillingRecords.credit_note`."""
        content = _content(customer_id, _CREDIT_NOTE + credit_note_id)
        return None if content is None else json_form(CreditNote).validate_json(content)

    def credit_notes(self, customer_id: str, page: PageRequest) -> Page[DocumentSummary]:
        """Credit notes, newest first; see `BillingRecords.credit_notes`."""
        return _summaries(customer_id, _CREDIT_NOTE, page)

    def credited(self, customer_id: str, invoice_id: str) -> Credited:
        """How much of an invoice was given back; see `BillingRecords.credited`."""
        try:
            found = CreditedRecord.get(_partition(customer_id), f"CREDITED#{invoice_id}", consistent_read=True)
        except CreditedRecord.DoesNotExist:
            return Credited(invoice_id)
        return json_form(Credited).validate_json(found.content)

    def replace_credited(self, customer_id: str, before: Credited, after: Credited) -> DynamoWrite:
        """Record that more was given back; see `BillingRecords.replace_credited`."""
        record = CreditedRecord(
            _partition(customer_id),
            f"CREDITED#{after.invoice_id}",
            content=json_form(Credited).dump_json(after).decode(),
            cents=after.cents,
        )
        if not before.cents:
            return insert(record, CREDITED_UNCHANGED)
        return put(record, CreditedRecord.cents == before.cents, CREDITED_UNCHANGED)


def fingerprint(document: Document) -> str:
    """A hash of everything in `document`; see `billing.ports.Fingerprints`."""
    content = (
        json_form(Invoice).dump_json(document)
        if isinstance(document, Invoice)
        else json_form(CreditNote).dump_json(document)
    )
    return hashlib.sha256(content).hexdigest()


def _partition(customer_id: str) -> str:
    return f"CUSTOMER#{customer_id}"


def _content(customer_id: str, key: str) -> bytes | None:
    try:
        found = DocumentRecord.get(_partition(customer_id), key, consistent_read=True)
    except DocumentRecord.DoesNotExist:
        return None
    return zlib.decompress(found.content)


def _summaries(customer_id: str, prefix: str, page: PageRequest) -> Page[DocumentSummary]:
    def summary(record: DocumentRecord) -> DocumentSummary:
        return DocumentSummary(
            id=record.sk.removeprefix(prefix),
            number=record.number,
            issued_at=parse_isoformat(record.issued_at),
            total_cents=record.total_cents,
            tax_cents=record.tax_cents,
            period_start=_instant(record.period_start),
            period_end=_instant(record.period_end),
            invoice_id=record.invoice_id,
        )

    in_order = DocumentRecord.sk.startswith(prefix)
    return query_page(DocumentRecord, _partition(customer_id), page, summary, sort_key=in_order, ascending=False)


def _instant(text: str | None) -> datetime | None:
    return parse_isoformat(text) if text else None
