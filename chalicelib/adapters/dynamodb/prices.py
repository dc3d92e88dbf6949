"""Prices with their dates, and the announcements of their changes."""

from typing import Final

from pynamodb.attributes import JSONAttribute

from chalicelib.adapters.dynamodb.table import Record
from chalicelib.metering.prices import PriceChange, PriceHistory, PriceSheet

_PARTITION: Final = "PRICES"


class PriceRecord(Record, discriminator="PRICE"):
    """`PRICES` / the name of a thing that has a price: its whole history, also once it is no longer sold."""

    history = JSONAttribute()


class DynamoPrices:
    """`Prices` on one partition: one query reads them all."""

    def sheet(self) -> PriceSheet:
        """Everything as it is now; see `Prices.sheet`."""
        found = PriceRecord.query(_PARTITION, consistent_read=True)
        return PriceSheet({record.sk: history(record) for record in found})


def history(record: PriceRecord) -> PriceHistory:
    """What a record says."""
    return tuple(PriceChange(at, micros) for at, micros in record.history)
