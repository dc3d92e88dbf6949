"""Sellers, billing profiles, invoices, credit notes, and the state from which the next invoice starts.

Prices include any tax that is due, so an invoice asks for exactly the amount that the ledger took. An invoice
counts in cents, the ledger in micro-dollars. The remainder below a cent is carried from line to line, and from the
last line to the next invoice, so that no rounding is lost or gained over any number of invoices.
"""

from datetime import date, datetime
from enum import StrEnum

from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.money import BASE_CURRENCY, MICROS_PER_UNIT

MICROS_PER_CENT = MICROS_PER_UNIT // 100
BASIS_POINTS = 10_000
"""The basis points in a rate of 100 %: a rate of 25.5 % is 2550."""
DEFAULT_TIME_ZONE = "UTC"


class PartyKind(StrEnum):
    """The customer's kind in tax law."""

    INDIVIDUAL = "individual"
    COMPANY = "company"


@dataclass(frozen=True)
class BillingProfile:
    """The person or company that a customer's invoices are addressed to. The default is an individual of unknown
    country.
    """

    customer_id: str
    kind: PartyKind = PartyKind.INDIVIDUAL
    name: str = ""
    address_lines: tuple[str, ...] = ()
    postal_code: str = ""
    city: str = ""
    state: str = ""
    country: str | None = None
    """ISO 3166-1 alpha-2."""
    vat_number: str | None = None
    """The VAT number with its prefix, in capitals, without spaces: `EL123456789`."""
    email: str | None = None
    time_zone: str = DEFAULT_TIME_ZONE
    """The time zone whose months are invoiced: a name of the IANA time zone database."""
    currency: str = BASE_CURRENCY
    updated_at: datetime | None = None


class TaxPoint(StrEnum):
    """When tax falls due, and so what an invoice charges for (Directive 2006/112/EC, articles 64 and 65)."""

    USAGE = "usage"
    """When the service is used: an invoice charges for the month's usage."""
    TOP_UP = "top_up"
    """When money arrives in advance: an invoice charges for the month's payments; its usage is for information."""


@dataclass(frozen=True)
class Seller:
    """The company that issues the invoices."""

    name: str
    address_lines: tuple[str, ...]
    country: str
    vat_number: str | None
    registration: str
    email: str
    website: str
    time_zone: str
    """The time zone whose calendar year numbers the invoices."""
    number_prefix: str
    credit_note_prefix: str
    tax_point: TaxPoint
    country_when_unknown: str | None
    """The country assumed for customers without a billing profile; None means that they are not charged tax."""


class TaxTreatment(StrEnum):
    """Why an invoice contains tax or does not."""

    CHARGED = "charged"
    """Tax is charged at the standard rate of the buyer's country."""
    REVERSE_CHARGE = "reverse_charge"
    """The buyer pays the tax to its tax office (Directive 2006/112/EC, articles 44 and 196)."""
    OUT_OF_SCOPE = "out_of_scope"
    """The place of supply is a country in which the seller owes no tax."""


@dataclass(frozen=True)
class Tax:
    """The tax contained in an invoice's total."""

    treatment: TaxTreatment
    country: str | None
    """The country whose tax is charged, or accounted for by the buyer."""
    rate_basis_points: int = 0

    def contained_in(self, gross_cents: int) -> int:
        """The tax in an amount that includes tax, rounded to the nearest cent (half a cent is rounded up)."""
        divisor = BASIS_POINTS + self.rate_basis_points
        return (2 * gross_cents * self.rate_basis_points + divisor) // (2 * divisor)


@dataclass(frozen=True)
class UsageLine:
    """The usage of one deployment in one day of the customer's time zone."""

    day: date
    deployment_id: str
    name: str
    instance_type: str
    seconds: int
    amount_micros: int
    """The amount in the ledger."""
    cents: int
    """The amount on the invoice, including the remainder carried from the lines before."""


class MovementKind(StrEnum):
    """The kind of a change of the balance that is not usage."""

    PAYMENT = "payment"
    """Money in: a top-up. The line serves as its receipt."""
    REPAYMENT = "repayment"
    """Money out: a refund or a chargeback."""
    TRANSFER = "transfer"
    """To or from another customer."""
    CREDIT = "credit"
    """Credit that the operator gave or took back."""
    FORFEIT = "forfeit"
    """The balance that the customer gave up by closing the account."""
    CREDIT_NOTE = "credit_note"
    """Money given back for an earlier invoice; its credit note is a separate document."""


@dataclass(frozen=True)
class Movement:
    """One ledger entry that is not usage."""

    at: datetime
    kind: MovementKind
    entry_type: str
    entry_sequence: int
    source: str
    reference: str
    reason: str
    amount_micros: int
    """Positive if the entry increased the balance."""
    cents: int


@dataclass(frozen=True)
class Remainders:
    """The remainders below a cent after all invoices so far, one for each kind of amount."""

    charges_micros: int = 0
    """Of usage less credits; negative if a month gave back more than it charged."""
    payments_micros: int = 0
    """Of payments less repayments; negative in the same way."""
    others_micros: int = 0


@dataclass(frozen=True)
class BillingState:
    """How far a customer's ledger is invoiced. Every entry up to `last_sequence` is on an invoice."""

    customer_id: str
    last_sequence: int = 0
    last_entry_at: datetime | None = None
    invoiced_until: datetime | None = None
    time_zone: str = DEFAULT_TIME_ZONE
    """The time zone of the last invoiced month."""
    balance_micros: int = 0
    """The balance after the entry `last_sequence`."""
    credit_micros: int = 0
    """Credit that the operator gave and that is not used up; usage consumes it first."""
    remainders: Remainders = Remainders()
    last_invoice_id: str | None = None
    version: int = 0


@dataclass(frozen=True)
class Summary:
    """How the balance changed over an invoice's entries, as the ledger has it, in micro-dollars."""

    opening_micros: int
    payments_micros: int
    transfers_micros: int
    credits_micros: int
    """Including those of credit notes."""
    usage_micros: int
    """The amount taken from the balance; negative if more was given back."""
    closing_micros: int


@dataclass(frozen=True)
class Totals:
    """An invoice's amounts in cents: brought forward + usage or payments − credits applied + held over = total."""

    tax_point: TaxPoint
    brought_forward_cents: int
    """Negative: an earlier month gave back more than it charged."""
    usage_cents: int
    """The sum of the usage lines."""
    credits_applied_cents: int
    """The operator's credits that pay for part of the usage."""
    payments_cents: int
    """The sum of payments and repayments."""
    held_over_cents: int
    """The amount that would make the total negative; it reduces the next invoice instead."""
    total_cents: int
    tax_cents: int

    @property
    def net_cents(self) -> int:
        """The total without tax."""
        return self.total_cents - self.tax_cents


@dataclass(frozen=True)
class Period:
    """From `start` (inclusive) to `end` (exclusive): a month of `time_zone`, or the rest of one."""

    start: datetime
    end: datetime
    time_zone: str


@dataclass(frozen=True)
class Invoice:
    """The invoice for one month of a customer's ledger. An issued invoice never changes."""

    id: str
    number: str
    customer_id: str
    issued_at: datetime
    period: Period
    seller: Seller
    buyer: BillingProfile
    currency: str
    first_sequence: int
    last_sequence: int
    lines: tuple[UsageLine, ...]
    movements: tuple[Movement, ...]
    summary: Summary
    totals: Totals
    tax: Tax
    remainders_before: Remainders
    remainders_after: Remainders
    credit_after_micros: int


@dataclass(frozen=True)
class CreditNote:
    """Gives back part of an invoice's total. An issued credit note never changes."""

    id: str
    number: str
    customer_id: str
    issued_at: datetime
    invoice_id: str
    invoice_number: str
    invoice_issued_at: datetime
    seller: Seller
    buyer: BillingProfile
    currency: str
    reason: str
    total_cents: int
    tax_cents: int
    tax: Tax
    entry_sequence: int
    """The number of the ledger entry that gave the money back."""


Document = Invoice | CreditNote


@dataclass(frozen=True)
class DocumentSummary:
    """A document as lists show it."""

    id: str
    number: str
    issued_at: datetime
    total_cents: int
    tax_cents: int
    period_start: datetime | None = None
    """Invoices only."""
    period_end: datetime | None = None
    invoice_id: str | None = None
    """Credit notes only: the invoice that is corrected."""


class Series(StrEnum):
    """A kind of document with a number series of its own, without gaps."""

    INVOICES = "invoices"
    CREDIT_NOTES = "credit_notes"


@dataclass(frozen=True)
class NumberRange:
    """The numbers given out in one series and year; the last document was issued at `last_issued_at`."""

    series: Series
    seller: str
    year: int
    last_number: int = 0
    last_issued_at: datetime | None = None


@dataclass(frozen=True)
class VatCountry:
    """A country's standard rates, each with the day from which it holds, and the form of its VAT numbers."""

    is_in_eu: bool
    rates: tuple[tuple[date, int], ...]
    """The first day and the rate in basis points, oldest first."""
    vat_prefix: str | None = None
    vat_number_pattern: str | None = None


@dataclass(frozen=True)
class Credited:
    """How much of an invoice its credit notes have given back."""

    invoice_id: str
    cents: int = 0
    notes: tuple[tuple[str, str], ...] = ()
    """For each credit note: the key of its request, and its id."""
