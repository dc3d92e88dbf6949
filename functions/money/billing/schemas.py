"""Requests and responses of the endpoints for billing profiles, invoices and credit notes."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.domain.money.billing.documents import Link
from chalicelib.domain.money.billing.models import (
    BASIS_POINTS,
    DEFAULT_TIME_ZONE,
    MICROS_PER_CENT,
    BillingProfile,
    CreditNote,
    DocumentSummary,
    Invoice,
    Movement,
    MovementKind,
    PartyKind,
    Tax,
    TaxPoint,
    TaxTreatment,
    Totals,
    UsageLine,
)
from chalicelib.http import ApiModel, Money
from chalicelib.http.models import id_of
from chalicelib.kernel.ids import Kind
from chalicelib.kernel.money import BASE_CURRENCY, parse_amount
from functions.foundation.approvals.schemas import ApprovalView

InvoiceId = id_of(Kind.INVOICE)
CreditNoteId = id_of(Kind.CREDIT_NOTE)
MAX_CREDIT_NOTE_MICROS = 100_000 * 1_000_000
_PRINTABLE = r"^[^\x00-\x1f\x7f]{0,200}$"

Line = Annotated[str, StringConstraints(max_length=100, pattern=_PRINTABLE)]
OptionalLine = Annotated[str, StringConstraints(max_length=100, pattern=_PRINTABLE), Field(default="")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), Field(examples=["DE"])]


class BillingProfileBody(ApiModel):
    """The name and address that invoices are issued to."""

    kind: PartyKind
    name: Annotated[Line, StringConstraints(min_length=1)] = Field(examples=["Muster GmbH"])
    address_lines: list[Annotated[Line, StringConstraints(min_length=1)]] = Field(
        min_length=1, max_length=3, examples=[["Torstraße 140"]]
    )
    postal_code: Annotated[str, StringConstraints(max_length=20, pattern=_PRINTABLE)] = Field(
        default="", examples=["10119"]
    )
    city: Annotated[Line, StringConstraints(min_length=1)] = Field(examples=["Berlin"])
    state: OptionalLine
    country: Country = Field(description="ISO 3166-1, two letters")
    vat_number: Annotated[str, StringConstraints(max_length=20, pattern=r"^[A-Za-z0-9+* .-]{4,20}$")] | None = (
        Field(
            default=None,
            description="for companies in the European Union, with its prefix, in the form of VIES",
            examples=["DE123456789"],
        )
    )
    time_zone: Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_+/-]{1,64}$")] = Field(
        default=DEFAULT_TIME_ZONE,
        description="a name of the IANA database; invoices cover its months",
        examples=["Europe/Berlin"],
    )
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        default=BASE_CURRENCY, examples=[BASE_CURRENCY]
    )

    def of(self, customer_id: str) -> BillingProfile:
        """The requested profile."""
        return BillingProfile(
            customer_id=customer_id,
            kind=self.kind,
            name=self.name,
            address_lines=tuple(self.address_lines),
            postal_code=self.postal_code,
            city=self.city,
            state=self.state,
            country=self.country,
            vat_number=self.vat_number,
            time_zone=self.time_zone,
            currency=self.currency,
        )


class BillingProfileView(ApiModel):
    """The name and address that invoices are issued to; without a country if no profile was set."""

    kind: PartyKind
    name: str
    address_lines: list[str]
    postal_code: str
    city: str
    state: str
    country: str | None
    vat_number: str | None
    time_zone: str
    currency: str
    updated_at: datetime | None = Field(description="null where no profile was ever set")

    @classmethod
    def of(cls, profile: BillingProfile) -> Self:
        """The view of `profile`."""
        return cls(
            kind=profile.kind,
            name=profile.name,
            address_lines=list(profile.address_lines),
            postal_code=profile.postal_code,
            city=profile.city,
            state=profile.state,
            country=profile.country,
            vat_number=profile.vat_number,
            time_zone=profile.time_zone,
            currency=profile.currency,
            updated_at=profile.updated_at,
        )


def _cents(cents: int) -> Money:
    return Money.of(cents * MICROS_PER_CENT)


class InvoiceSummaryView(ApiModel):
    """An invoice in a list."""

    id: str
    number: str = Field(examples=["HC-2031-000042"])
    issued_at: datetime
    period_start: datetime
    period_end: datetime = Field(description="the first instant after the period")
    total: Money = Field(description="tax included")
    tax: Money

    @classmethod
    def of(cls, found: DocumentSummary) -> Self:
        """The view of `found`, which must be an invoice."""
        if found.period_start is None or found.period_end is None:
            raise ValueError(f"{found.id} is not an invoice")
        return cls(
            id=found.id,
            number=found.number,
            issued_at=found.issued_at,
            period_start=found.period_start,
            period_end=found.period_end,
            total=_cents(found.total_cents),
            tax=_cents(found.tax_cents),
        )

    @classmethod
    def issued(cls, invoice: Invoice) -> Self:
        """The view of `invoice`."""
        return cls(
            id=invoice.id,
            number=invoice.number,
            issued_at=invoice.issued_at,
            period_start=invoice.period.start,
            period_end=invoice.period.end,
            total=_cents(invoice.totals.total_cents),
            tax=_cents(invoice.totals.tax_cents),
        )


class UsageLineView(ApiModel):
    """One day of one machine."""

    day: date
    deployment_id: str
    name: str
    instance_type: str
    seconds: int
    ledger_amount: Money = Field(description="as the ledger has it, to the millionth")
    amount: Money = Field(description="in cents, with the remainder from the lines before")

    @classmethod
    def of(cls, line: UsageLine) -> Self:
        """The view of `line`."""
        return cls(
            day=line.day,
            deployment_id=line.deployment_id,
            name=line.name,
            instance_type=line.instance_type,
            seconds=line.seconds,
            ledger_amount=Money.of(line.amount_micros),
            amount=_cents(line.cents),
        )


class MovementView(ApiModel):
    """A payment (this line is its receipt), or another entry that is not usage."""

    at: datetime
    kind: MovementKind
    type: str = Field(description="the type of the ledger entry", examples=["top_up"])
    entry_sequence: int
    source: str = Field(description="the account on the other side", examples=["gateway:stripe"])
    reference: str
    reason: str | None
    ledger_amount: Money
    amount: Money

    @classmethod
    def of(cls, moved: Movement) -> Self:
        """The view of `moved`."""
        return cls(
            at=moved.at,
            kind=moved.kind,
            type=moved.entry_type,
            entry_sequence=moved.entry_sequence,
            source=moved.source,
            reference=moved.reference,
            reason=moved.reason or None,
            ledger_amount=Money.of(moved.amount_micros),
            amount=_cents(moved.cents),
        )


class TaxView(ApiModel):
    """The tax in a total."""

    treatment: TaxTreatment
    country: str | None
    rate_percent: str = Field(examples=["25.50"])
    amount: Money

    @classmethod
    def of(cls, tax: Tax, tax_cents: int) -> Self:
        """The view of `tax`, whose amount is `tax_cents`."""
        whole, fraction = divmod(tax.rate_basis_points, BASIS_POINTS // 100)
        return cls(
            treatment=tax.treatment,
            country=tax.country,
            rate_percent=f"{whole}.{fraction:02d}",
            amount=_cents(tax_cents),
        )


class TotalsView(ApiModel):
    """The amounts that lead to the total."""

    tax_point: TaxPoint = Field(description="`usage`: the invoice is for usage; `top_up`: for payments")
    brought_forward: Money = Field(description="negative if an earlier month gave back more than it charged")
    usage: Money
    credits_applied: Money
    payments: Money
    held_over: Money = Field(
        description="the amount that would make the total negative; it reduces the next invoice"
    )
    net: Money
    total: Money = Field(description="tax included")

    @classmethod
    def of(cls, totals: Totals) -> Self:
        """The view of `totals`."""
        return cls(
            tax_point=totals.tax_point,
            brought_forward=_cents(totals.brought_forward_cents),
            usage=_cents(totals.usage_cents),
            credits_applied=_cents(totals.credits_applied_cents),
            payments=_cents(totals.payments_cents),
            held_over=_cents(totals.held_over_cents),
            net=_cents(totals.net_cents),
            total=_cents(totals.total_cents),
        )


class PdfView(ApiModel):
    """A link to a document's PDF. Everybody who has the link can download it, for a few minutes."""

    pdf_url: str
    pdf_url_expires_at: datetime


class InvoiceView(PdfView):
    """One month of a customer's ledger."""

    id: str
    number: str
    issued_at: datetime
    period_start: datetime
    period_end: datetime
    time_zone: str
    seller_name: str
    seller_vat_number: str | None
    buyer: BillingProfileView
    currency: str
    first_entry_sequence: int
    last_entry_sequence: int
    lines: list[UsageLineView]
    movements: list[MovementView]
    opening_balance: Money
    closing_balance: Money
    totals: TotalsView
    tax: TaxView

    @classmethod
    def of(cls, invoice: Invoice, link: Link) -> Self:
        """The view of `invoice`, whose PDF is at `link`."""
        return cls(
            pdf_url=link.url,
            pdf_url_expires_at=link.expires_at,
            id=invoice.id,
            number=invoice.number,
            issued_at=invoice.issued_at,
            period_start=invoice.period.start,
            period_end=invoice.period.end,
            time_zone=invoice.period.time_zone,
            seller_name=invoice.seller.name,
            seller_vat_number=invoice.seller.vat_number,
            buyer=BillingProfileView.of(invoice.buyer),
            currency=invoice.currency,
            first_entry_sequence=invoice.first_sequence,
            last_entry_sequence=invoice.last_sequence,
            lines=[UsageLineView.of(line) for line in invoice.lines],
            movements=[MovementView.of(moved) for moved in invoice.movements],
            opening_balance=Money.of(invoice.summary.opening_micros),
            closing_balance=Money.of(invoice.summary.closing_micros),
            totals=TotalsView.of(invoice.totals),
            tax=TaxView.of(invoice.tax, invoice.totals.tax_cents),
        )


class CreditNoteSummaryView(ApiModel):
    """A credit note in a list."""

    id: str
    number: str = Field(examples=["HC-CN-2031-000007"])
    issued_at: datetime
    invoice_id: str = Field(description="the invoice that it corrects")
    total: Money
    tax: Money

    @classmethod
    def of(cls, found: DocumentSummary) -> Self:
        """The view of `found`, which must be a credit note."""
        if found.invoice_id is None:
            raise ValueError(f"{found.id} is not a credit note")
        return cls(
            id=found.id,
            number=found.number,
            issued_at=found.issued_at,
            invoice_id=found.invoice_id,
            total=_cents(found.total_cents),
            tax=_cents(found.tax_cents),
        )


class CreditNoteDetails(ApiModel):
    """The content of a credit note."""

    id: str
    number: str
    issued_at: datetime
    invoice_id: str
    invoice_number: str
    reason: str
    buyer: BillingProfileView
    currency: str
    total: Money
    tax: TaxView
    entry_sequence: int = Field(description="the ledger entry that gave the money back")

    @classmethod
    def of(cls, note: CreditNote) -> Self:
        """The view of `note`."""
        return cls(
            id=note.id,
            number=note.number,
            issued_at=note.issued_at,
            invoice_id=note.invoice_id,
            invoice_number=note.invoice_number,
            reason=note.reason,
            buyer=BillingProfileView.of(note.buyer),
            currency=note.currency,
            total=_cents(note.total_cents),
            tax=TaxView.of(note.tax, note.tax_cents),
            entry_sequence=note.entry_sequence,
        )


class CreditNoteAnswer(ApiModel):
    """The result of a correction: the credit note, or the approval that it needs first."""

    credit_note: CreditNoteDetails | None
    approval: ApprovalView | None


class CreditNoteView(CreditNoteDetails, PdfView):
    """A credit note, with its PDF."""

    @classmethod
    def linked(cls, note: CreditNote, link: Link) -> Self:
        """The view of `note`, whose PDF is at `link`."""
        details = CreditNoteDetails.of(note).model_dump()
        return cls.model_validate({**details, "pdf_url": link.url, "pdf_url_expires_at": link.expires_at})


def _whole_cents(text: str) -> str:
    if not 0 < parse_amount(text) <= MAX_CREDIT_NOTE_MICROS or parse_amount(text) % MICROS_PER_CENT:
        raise ValueError("an amount is more than 0, at most 100000.00, and in whole cents")
    return text


class CreditNoteBody(ApiModel):
    """A correction of an invoice."""

    amount: Annotated[str, StringConstraints(max_length=20), AfterValidator(_whole_cents)] = Field(
        description="tax included", examples=["12.50"]
    )
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500)] = Field(
        description="shown on the credit note",
        examples=["The machine could not be reached on 3 November"],
    )
