"""What was spent in the current day and month, as a part of other records; and the caps on it."""

from typing import TypeVar

from chalicelib.adapters.dynamodb.table import IntegerAttribute, Record
from chalicelib.ledger.spending import Spending, Window

T = TypeVar("T", bound="Spent")


class Spent(Record):
    """A record that has a `Spending`."""

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
    """`record`, with `spending` as its own."""
    day, month = spending.day, spending.month
    record.burn_micros_per_hour = spending.micros_per_hour
    record.day_start, record.day_posted_micros, record.day_ahead = day.start, day.posted_micros, day.ahead
    record.month_start, record.month_posted_micros, record.month_ahead = (
        month.start,
        month.posted_micros,
        month.ahead,
    )
    return record
