"""The charges of deployments, by hour and by day."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from itertools import islice

from chalicelib.domain.cloud.deployments.models import Deployment
from chalicelib.domain.cloud.deployments.reading import Reading
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.domain.money.metering.models import Meter, UsageRecord
from chalicelib.domain.money.metering.ports import MeterRecords
from chalicelib.domain.money.metering.slots import Division, UsageSlot, hours, slots
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.days import day_around
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.pages import Page, PageRequest

_CURSOR_DIGITS = 12


@dataclass(frozen=True)
class UsageSpan:
    """A range of hours or days: those that begin at or after `start` and before `end`; None means no bound."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Usage:
    """A part of a deployment's usage, with the meters behind it."""

    deployment: Deployment
    meters: Sequence[Meter]
    """Oldest first: one for each time that the machine ran."""
    intervals: Page[UsageRecord]


class UsageReports:
    """Divides the charges of meters. Every list adds up to what was posted for the same hours or days."""

    def __init__(self, reading: Reading, meters: MeterRecords) -> None:
        self._reading = reading
        self._meters = meters

    def intervals(self, reach: Reach, deployment_id: str, page: PageRequest) -> Usage:
        """Return the deployment's charges, interval by interval (G05).

        Raises:
            NotFound: there is no such deployment within reach.
        """
        deployment = self._reading.get(reach, deployment_id)
        meters = list(self._meters.meters(deployment.customer_id, deployment_id))
        return Usage(deployment, meters, self._meters.usage(deployment.customer_id, deployment_id, page))

    def hourly(self, deployment: Deployment, span: UsageSpan, page: PageRequest) -> Page[UsageSlot]:
        """Return the hours (UTC) in which `deployment` ran, oldest first.

        Raises:
            InvalidInput: the cursor belongs to another list.
        """
        return self._page(deployment, span, page, hours)

    def daily(self, deployment: Deployment, span: UsageSpan, page: PageRequest, time_zone: str) -> Page[UsageSlot]:
        """Return the days of `time_zone` in which it ran, oldest first; raises like `hourly`."""
        return self._page(deployment, span, page, partial(day_around, time_zone=time_zone))

    def _page(
        self, deployment: Deployment, span: UsageSpan, page: PageRequest, division: Division
    ) -> Page[UsageSlot]:
        after = _position(page.cursor)
        meters = list(self._meters.meters(deployment.customer_id, deployment.id))
        start = max(after, epoch_seconds(span.start) if span.start else 0)
        end = epoch_seconds(span.end) if span.end else max((meter.watermark for meter in meters), default=0)
        if end <= start:
            return Page([])
        found = list(islice(slots(meters, division, start, end), page.limit + 1))
        more = found[page.limit :]
        return Page(found[: page.limit], str(more[0].start) if more else None)


def _position(cursor: str | None) -> int:
    """Return the second at which a page begins."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _CURSOR_DIGITS):
        raise InvalidInput.of("cursor", "This cursor is not valid for this list; start without one.")
    return int(cursor)
