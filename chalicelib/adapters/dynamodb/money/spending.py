"""Stores spending in the current day and month, as part of other records; and spend caps."""

from typing import TypeVar

from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalInteger, Record
from chalicelib.adapters.dynamodb.transactor import put
from chalicelib.domain.money.ledger.models import Spending, Window
from chalicelib.domain.money.spending.models import NO_CAPS, Caps
from chalicelib.kernel.transactions import Write

T = TypeVar("T", bound="Spent")


class Spent(Record):
    """A record that includes a `Spending`."""

    burn_micros_per_hour = IntegerAttribute()
    day_start = IntegerAttribute(default=0)
    day_posted_micros = IntegerAttribute(default=0)
    day_ahead = IntegerAttribute(default=0)
    month_start = IntegerAttribute(default=0)
    month_posted_micros = IntegerAttribute(default=0)
    month_ahead = IntegerAttribute(default=0)


def spending_of(record: Spent) -> Spending:
    """The spending of `record`."""
    return Spending(
        record.burn_micros_per_hour,
        Window(record.day_start, record.day_posted_micros, record.day_ahead),
        Window(record.month_start, record.month_posted_micros, record.month_ahead),
    )


def with_spending(record: T, spending: Spending) -> T:
    """`record`, after its spending was set."""
    day, month = spending.day, spending.month
    record.burn_micros_per_hour = spending.micros_per_hour
    record.day_start, record.day_posted_micros, record.day_ahead = day.start, day.posted_micros, day.ahead
    record.month_start, record.month_posted_micros, record.month_ahead = (
        month.start,
        month.posted_micros,
        month.ahead,
    )
    return record


class SpendCapsRecord(Record, discriminator="SPEND_CAPS"):
    """`CUSTOMER#<customer>` / `SPEND_CAPS`: a customer's own caps."""

    daily_micros = OptionalInteger()
    monthly_micros = OptionalInteger()


class DynamoCapRecords:
    """`CapRecords` on the single table."""

    def caps(self, customer_id: str) -> Caps:
        """A customer's caps; see `CapRecords.caps`."""
        try:
            record = SpendCapsRecord.get(f"CUSTOMER#{customer_id}", "SPEND_CAPS", consistent_read=True)
        except SpendCapsRecord.DoesNotExist:
            return NO_CAPS
        return Caps(record.daily_micros, record.monthly_micros)

    def put_caps(self, customer_id: str, caps: Caps) -> Write:
        """Replace a customer's caps; see `CapRecords.put_caps`."""
        return put(
            SpendCapsRecord(
                f"CUSTOMER#{customer_id}",
                "SPEND_CAPS",
                daily_micros=caps.daily_micros,
                monthly_micros=caps.monthly_micros,
            )
        )
