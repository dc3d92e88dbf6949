"""Compares the spending of a day and a month with the sum of all usage records, under random schedules."""

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import rule

from chalicelib.domain.money.ledger.models import Period, Spending
from chalicelib.domain.money.metering.models import Meter
from chalicelib.kernel.clock import epoch_seconds
from tests.fakes.schedules import MeteringSchedule, exact_charge

KEYS = ("", "key_one", "key_two")
_NEARLY = st.integers(-3, 300)


class SpendingSchedule(MeteringSchedule):
    """A metering schedule in which days and months also end."""

    def key_of(self, deployment_id: str) -> str:
        """Every third machine was ordered in a session, the others with one of two keys."""
        return KEYS[int(deployment_id.removeprefix("dep_")) % len(KEYS)]

    @rule(period=st.sampled_from(Period), before=_NEARLY)
    def a_window_nears_its_end(self, period: Period, before: int) -> None:
        """Advance to shortly before or after midnight."""
        now = epoch_seconds(self.time.now())
        self.time.advance(max(0, period.end_of(period.start_of(now)) - before - now))

    def _prove(self, customer_id: str) -> None:
        super()._prove(customer_id)
        account = self.books.account(customer_id)
        assert account is not None
        meters = [meter for found in self._meters_of(customer_id) for meter in found]
        self._prove_spending(account.spending, meters)
        for key in KEYS[1:]:
            of_key = [meter for meter in meters if meter.api_key_id == key]
            self._prove_spending(self.books.key_spending(customer_id, key), of_key)

    def _meters_of(self, customer_id: str) -> Sequence[Sequence[Meter]]:
        deployment_ids = {life.deployment_id for life in self.lives if life.customer_id == customer_id}
        return [list(self.meters.meters(customer_id, deployment_id)) for deployment_id in deployment_ids]

    def _prove_spending(self, spending: Spending, meters: Sequence[Meter]) -> None:
        running = [meter for meter in meters if meter.closed_at is None]
        assert spending.micros_per_hour == sum(meter.price_micros_per_hour for meter in running)
        last = max((meter.watermark for meter in meters), default=0)
        now = epoch_seconds(self.time.now())
        for period in Period:
            window = spending.day if period is Period.DAY else spending.month
            assert window.start == (period.start_of(window.start) if meters else 0)
            assert window.start >= (period.start_of(last) if meters else 0)
            assert window.posted_micros == sum(self._posted_since(window.start, meter) for meter in meters)
            if now >= last:
                exact = sum(_used(meter, period.start_of(now), now) for meter in meters)
                # Unposted usage is rounded once for all meters: the difference is less than a micro-dollar for
                # each.
                if window.start <= now:
                    assert abs(spending.spent_micros(period, now) - exact) <= len(running)

    def _posted_since(self, start: int, meter: Meter) -> int:
        """The posted usage of the meter from `start` on."""

        def charge(second: int) -> int:
            return exact_charge(meter.price_micros_per_hour, max(second, start) - meter.opened_at)

        usage = self.meters.all_usage(meter.customer_id, meter.deployment_id)
        return sum(charge(record.end) - charge(record.start) for record in usage if record.meter == meter.number)


def _used(meter: Meter, start: int, second: int) -> int:
    """The charge of the meter from `start` to `second`, posted or not."""
    end = second if meter.closed_at is None else meter.closed_at

    def charge(at: int) -> int:
        return exact_charge(meter.price_micros_per_hour, at - meter.opened_at)

    return charge(max(end, start)) - charge(start)
