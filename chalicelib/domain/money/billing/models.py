"""Whom a bill goes to and comes from, what is on it, and where the next one begins.

Prices include any tax that is due, so that what an invoice asks for is what the ledger took, and nothing more.
An invoice counts in cents; the ledger counts in micro-dollars. What is left of a cent is carried from line to
line, and from the last line to the next invoice, so that nothing is lost or gained however many there are.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from chalicelib.kernel.money import BASE_CURRENCY, MICROS_PER_UNIT

MICROS_PER_CENT = MICROS_PER_UNIT // 100
BASIS_POINTS = 10_000
"""In one: a rate of 25.5 % is 2550."""
DEFAULT_TIME_ZONE = "UTC"


class PartyKind(StrEnum):
    """What a customer is before the tax law."""

    INDIVIDUAL = "individual"
    COMPANY = "company"


@dataclass(frozen=True)
class BillingProfile:
    """Whom a customer's invoices are issued to. One that was never set is an individual of no known country."""

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
    """With its prefix, in capitals, without spaces: `EL123456789`."""
    email: str | None = None
    time_zone: str = DEFAULT_TIME_ZONE
    """Whose months are invoiced: a name of the IANA time zone database."""
    currency: str = BASE_CURRENCY
    updated_at: datetime | None = None


class TaxPoint(StrEnum):
    """When tax falls due, and so what an invoice is for (Directive 2006/112/EC, articles 64 and 65)."""

    USAGE = "usage"
    """When the service is used: an invoice is for the month's usage."""
    TOP_UP = "top_up"
    """When money arrives in advance: an invoice is for the month's payments, and the usage is for information."""


@dataclass(frozen=True)
class Seller:
    """Who issues the invoices."""

    name: str
    address_lines: tuple[str, ...]
    country: str
    vat_number: str | None
    registration: str
    email: str
    website: str
    time_zone: str
    """Whose year numbers a year's invoices."""
    number_prefix: str
    credit_note_prefix: str
    tax_point: TaxPoint
    country_when_unknown: str | None
    """Where customers without a billing profile are taken to be; None where they are not charged tax."""


class TaxTreatment(StrEnum):
    """Why an invoice has tax on it, or has none."""

    CHARGED = "charged"
    """At the standard rate of the buyer's country."""
    REVERSE_CHARGE = "reverse_charge"
    """The buyer accounts for it (Directive 2006/112/EC, articles 44 and 196)."""
    OUT_OF_SCOPE = "out_of_scope"
    """The place of supply is where the seller owes none."""


@dataclass(frozen=True)
class Tax:
    """The tax contained in an invoice's total."""

    treatment: TaxTreatment
    country: str | None
    """Whose tax it is, or whose the buyer accounts for."""
    rate_basis_points: int = 0

    def contained_in(self, gross_cents: int) -> int:
        """The tax in an amount that includes it, to the nearest cent (half a cent is rounded up)."""
        divisor = BASIS_POINTS + self.rate_basis_points
        return (2 * gross_cents * self.rate_basis_points + divisor) // (2 * divisor)


@dataclass(frozen=True)
class UsageLine:
    """What one deployment used in one day of the customer's time zone."""

    day: date
    deployment_id: str
    name: str
    instance_type: str
    seconds: int
    amount_micros: int
    """As the ledger has it."""
    cents: int
    """As the invoice shows it, with what was left over before."""


class MovementKind(StrEnum):
    """What changed a balance, other than usage."""

    PAYMENT = "payment"
    """Money in: a top-up; the line is its receipt."""
    REPAYMENT = "repayment"
    """Money out: a refund, a chargeback."""
    TRANSFER = "transfer"
    """To or from another customer."""
    CREDIT = "credit"
    """Given by the operator, or taken back."""
    FORFEIT = "forfeit"
    """Given up by the customer, who closes the account."""
    CREDIT_NOTE = "credit_note"
    """Given back for an earlier invoice; its credit note is a document of its own."""


@dataclass(frozen=True)
class Movement:
    """One entry of the ledger that is not usage."""

    at: datetime
    kind: MovementKind
    entry_type: str
    entry_sequence: int
    source: str
    reference: str
    reason: str
    amount_micros: int
    """More than zero where it was added to the balance."""
    cents: int


@dataclass(frozen=True)
class Remainders:
    """What is left of a cent after all invoices so far, in each of the amounts that they count."""

    charges_micros: int = 0
    """Of usage less credits; below zero where a month gave more back than it charged."""
    payments_micros: int = 0
    """Of payments less repayments; below zero in the same way."""
    others_micros: int = 0


@dataclass(frozen=True)
class BillingState:
    """How far a customer's ledger has been invoiced. Every entry up to `last_sequence` is on an invoice."""

    customer_id: str
    last_sequence: int = 0
    last_entry_at: datetime | None = None
    invoiced_until: datetime | None = None
    time_zone: str = DEFAULT_TIME_ZONE
    """In which the last month was counted."""
    balance_micros: int = 0
    """After the entry `last_sequence`."""
    credit_micros: int = 0
    """Given by the operator and not used up: usage takes from it first."""
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
    """With those of credit notes."""
    usage_micros: int
    """Taken from the balance; less than zero where more was given back."""
    closing_micros: int


@dataclass(frozen=True)
class Totals:
    """An invoice's amounts in cents: brought forward + what it is for − credits applied + held over = total."""

    tax_point: TaxPoint
    brought_forward_cents: int
    """Below zero: an earlier month gave more back than it charged."""
    usage_cents: int
    """The sum of the usage lines."""
    credits_applied_cents: int
    """Taken off, because the operator had given that much."""
    payments_cents: int
    """The sum of payments and repayments."""
    held_over_cents: int
    """What would make the total negative, which reduces the next invoice instead."""
    total_cents: int
    tax_cents: int

    @property
    def net_cents(self) -> int:
        """The total without the tax in it."""
        return self.total_cents - self.tax_cents


@dataclass(frozen=True)
class Period:
    """From `start` (inclusive) to `end` (exclusive): a month of `time_zone`, or what is left of one."""

    start: datetime
    end: datetime
    time_zone: str


@dataclass(frozen=True)
class Invoice:
    """One month of a customer's ledger; never changed once it is issued."""

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
    """Gives back part of what an invoice asked for; never changed once it is issued."""

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
    """The ledger entry that gave the money back."""


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
    """Of an invoice."""
    period_end: datetime | None = None
    invoice_id: str | None = None
    """That a credit note is for."""


class Series(StrEnum):
    """What is numbered without gaps, each for itself."""

    INVOICES = "invoices"
    CREDIT_NOTES = "credit_notes"


@dataclass(frozen=True)
class NumberRange:
    """The numbers that were given out in one series and year; the last document was issued at `last_issued_at`."""

    series: Series
    seller: str
    year: int
    last_number: int = 0
    last_issued_at: datetime | None = None


@dataclass(frozen=True)
class VatCountry:
    """A country's standard rates from the day they hold, and the form of its VAT numbers."""

    is_in_eu: bool
    rates: tuple[tuple[date, int], ...]
    """From when (oldest first), and how much, in basis points."""
    vat_prefix: str | None = None
    vat_number_pattern: str | None = None


@dataclass(frozen=True)
class Credited:
    """How much of an invoice credit notes have given back."""

    invoice_id: str
    cents: int = 0
    notes: tuple[tuple[str, str], ...] = ()
    """The key under which each was asked for, and its id."""
