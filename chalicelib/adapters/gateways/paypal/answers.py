"""What is read of PayPal's answers: the fields that matter, checked as they come in.

https://developer.paypal.com/docs/api/orders/v2/, …/payments/v2/, …/customer-disputes/v1/, …/transaction-search/v1/
"""

from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from chalicelib.adapters.gateways.paypal.amounts import from_money
from chalicelib.domain.money.top_ups.models import Amount


class Answer(BaseModel):
    """Any answer: immutable, and without opinion on the fields that are not read."""

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
        """The same in the port's words."""
        return from_money(self.currency_code, self.value)


class Link(Answer):
    """A link to what can be done next, or to what something belongs to."""

    href: str
    rel: str


class RelatedIds(Answer):
    """What a payment belongs to."""

    order_id: str | None = None


class SupplementaryData(Answer):
    """The wrapping of `RelatedIds`."""

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
    """Money that was given back. Those that PayPal's people or the account's owner make bear no id of ours."""

    id: str = Field(min_length=1)
    status: str
    amount: Money
    invoice_id: str | None = None
    create_time: AwareDatetime


class Payments(Answer):
    """What became of a purchase unit."""

    captures: tuple[Capture, ...] = ()
    refunds: tuple[RefundData, ...] = ()


class PurchaseUnit(Answer):
    """What an order is for; ours have one."""

    custom_id: str | None = None
    payments: Payments = Payments()


class PayPalAccount(Answer):
    """Who paid."""

    account_id: str = ""


class PaymentSource(Answer):
    """What an order was paid with."""

    paypal: PayPalAccount = PayPalAccount()


class Order(Answer):
    """An order in whatever detail it was answered."""

    id: str = Field(min_length=1)
    status: str
    create_time: AwareDatetime | None = None
    update_time: AwareDatetime | None = None
    purchase_units: tuple[PurchaseUnit, ...] = ()
    payment_source: PaymentSource = PaymentSource()
    links: tuple[Link, ...] = ()

    @property
    def captures(self) -> tuple[Capture, ...]:
        """All its captures."""
        return tuple(capture for unit in self.purchase_units for capture in unit.payments.captures)

    @property
    def refunds(self) -> tuple[RefundData, ...]:
        """All its refunds, in the order in which they were made."""
        found = (refund for unit in self.purchase_units for refund in unit.payments.refunds)
        return tuple(sorted(found, key=lambda refund: (refund.create_time, refund.id)))

    @property
    def reference(self) -> str | None:
        """Our id of the top-up."""
        named = [*(unit.custom_id for unit in self.purchase_units), *(item.custom_id for item in self.captures)]
        return next((name for name in named if name), None)

    @property
    def approved_at(self) -> datetime | None:
        """When the payer approved it last, as far as PayPal tells."""
        return self.update_time or self.create_time


class DisputeOutcome(Answer):
    """How a dispute ended."""

    outcome_code: str = ""
    amount_refunded: Money | None = None


class DisputeData(Answer):
    """A dispute; lists leave the outcome out."""

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
    """A line with its wrapping."""

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
    """One thing that was wrong."""

    issue: str = ""
    description: str = ""


class ErrorAnswer(Answer):
    """A refusal. OAuth's own has `error` instead of `name`."""

    name: str = ""
    error: str = ""
    message: str = ""
    debug_id: str = ""
    details: tuple[ErrorDetail, ...] = ()
