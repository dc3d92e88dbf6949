"""PayPal's answers: only the fields that are used, validated.

https://developer.paypal.com/docs/api/orders/v2/, …/payments/v2/, …/customer-disputes/v1/, …/transaction-search/v1/
"""

from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from chalicelib.adapters.gateways.paypal.amounts import from_money
from chalicelib.domain.money.top_ups.models import Amount


class Answer(BaseModel):
    """The base of all answers: immutable; other fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Money(Answer):
    """An amount with its currency."""

    currency_code: str = Field(pattern=r"^[A-Z]{3}$")
    value: str = Field(max_length=32)

    @model_validator(mode="after")
    def _is_number(self) -> Self:
        from_money(self.currency_code, self.value)
        return self

    @property
    def amount(self) -> Amount:
        """The amount as the domain's type."""
        return from_money(self.currency_code, self.value)


class Link(Answer):
    """A link to a next action, or to a parent object."""

    href: str
    rel: str


class RelatedIds(Answer):
    """The order that a payment belongs to."""

    order_id: str | None = None


class SupplementaryData(Answer):
    """The envelope of `RelatedIds`."""

    related_ids: RelatedIds = RelatedIds()


class StatusDetails(Answer):
    """Why a capture is pending or denied."""

    reason: str = ""


class Capture(Answer):
    """Money that was taken from the payer."""

    id: str = Field(min_length=1)
    status: str
    status_details: StatusDetails = StatusDetails()
    amount: Money
    custom_id: str | None = None
    create_time: AwareDatetime
    supplementary_data: SupplementaryData = SupplementaryData()


class RefundData(Answer):
    """Money that was given back. Refunds made by PayPal or by the account's owner have no id of ours."""

    id: str = Field(min_length=1)
    status: str
    amount: Money
    invoice_id: str | None = None
    create_time: AwareDatetime


class Payments(Answer):
    """The captures and refunds of a purchase unit."""

    captures: tuple[Capture, ...] = ()
    refunds: tuple[RefundData, ...] = ()


class PurchaseUnit(Answer):
    """A part of an order; our orders have one."""

    custom_id: str | None = None
    payments: Payments = Payments()


class PayPalAccount(Answer):
    """The payer's PayPal account."""

    account_id: str = ""


class PaymentSource(Answer):
    """The source of the payment."""

    paypal: PayPalAccount = PayPalAccount()


class Order(Answer):
    """An order; how much detail it has depends on the call."""

    id: str = Field(min_length=1)
    status: str
    create_time: AwareDatetime | None = None
    update_time: AwareDatetime | None = None
    purchase_units: tuple[PurchaseUnit, ...] = ()
    payment_source: PaymentSource = PaymentSource()
    links: tuple[Link, ...] = ()

    @property
    def captures(self) -> tuple[Capture, ...]:
        """All captures of the order."""
        return tuple(capture for unit in self.purchase_units for capture in unit.payments.captures)

    @property
    def refunds(self) -> tuple[RefundData, ...]:
        """All refunds of the order, oldest first."""
        found = (refund for unit in self.purchase_units for refund in unit.payments.refunds)
        return tuple(sorted(found, key=lambda refund: (refund.create_time, refund.id)))

    @property
    def reference(self) -> str | None:
        """Our id of the top-up."""
        named = [*(unit.custom_id for unit in self.purchase_units), *(item.custom_id for item in self.captures)]
        return next((name for name in named if name), None)

    @property
    def approved_at(self) -> datetime | None:
        """When the payer last approved the order, as far as PayPal tells."""
        return self.update_time or self.create_time


class DisputeOutcome(Answer):
    """The outcome of a dispute."""

    outcome_code: str = ""
    amount_refunded: Money | None = None


class DisputeData(Answer):
    """A dispute; in lists the outcome is missing."""

    dispute_id: str = Field(min_length=1)
    status: str
    create_time: AwareDatetime
    dispute_amount: Money
    dispute_outcome: DisputeOutcome = DisputeOutcome()


class DisputeList(Answer):
    """The disputes of one transaction."""

    items: tuple[DisputeData, ...] = ()


class TransactionInfo(Answer):
    """One line of the account's statement."""

    transaction_id: str = Field(min_length=1)
    transaction_event_code: str = ""
    transaction_initiation_date: AwareDatetime
    transaction_amount: Money
    custom_field: str | None = None


class TransactionDetail(Answer):
    """The envelope of a line."""

    transaction_info: TransactionInfo


class TransactionPage(Answer):
    """A page of the account's statement."""

    transaction_details: tuple[TransactionDetail, ...] = ()
    total_pages: int = Field(default=0, ge=0)


class Token(Answer):
    """An access token."""

    access_token: str = Field(min_length=1)
    expires_in: int = Field(gt=0)


class ErrorDetail(Answer):
    """One problem in a refused request."""

    issue: str = ""
    description: str = ""


class ErrorAnswer(Answer):
    """An error answer. OAuth uses `error` instead of `name`."""

    name: str = ""
    error: str = ""
    message: str = ""
    debug_id: str = ""
    details: tuple[ErrorDetail, ...] = ()
