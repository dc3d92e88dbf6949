"""Making the ledger agree with what gateways say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.top_ups.booking import Booking
from chalicelib.domain.money.top_ups.models import (
    GatewayError,
    GatewayRefused,
    PaymentState,
    TopUp,
    TopUpStatus,
)
from chalicelib.domain.money.top_ups.policy import current_rate, next_check
from chalicelib.domain.money.top_ups.ports import (
    TOP_UP_SHARDS,
    TOP_UP_UNCHANGED,
    Gateways,
    Rates,
    TopUpRecords,
)
from chalicelib.kernel.batches import process_each
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import NotFound, Unavailable
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

_STALE = frozenset({ACCOUNT_UNCHANGED, TOP_UP_UNCHANGED})
_ABANDONED_NAME = "Nothing was paid in time."


class Settlement:
    """Fetches what gateways know, and books what is new in it.

    A payment is booked under the gateway's own id of it; the entry, the balance, the marker of that id and the
    top-up change in one transaction (G01, G03). So any number of webhooks, in any order, and any number of looks,
    book it once; and what was not final when it was fetched is not booked at all (G02).
    """

    def __init__(
        self,
        records: TopUpRecords,
        gateways: Gateways,
        ledger: Ledger,
        rates: Rates,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._gateways = gateways
        self._ledger = ledger
        self._rates = rates
        self._transactor = transactor
        self._clock = clock

    def change(self, top_up: TopUp, how: Callable[[TopUp], TopUp]) -> TopUp:
        """Change a top-up without touching money; `how` is given it freshly read."""

        def attempt() -> TopUp:
            fresh = self._records.top_up(top_up.customer_id, top_up.id)
            if fresh is None:
                raise NotFound
            after = self._next(fresh, how(fresh))
            self._transactor.commit(self._records.replace_top_up(fresh, after))
            return after

        return with_fresh_reads(attempt, stale=frozenset({TOP_UP_UNCHANGED}))

    def _next(self, before: TopUp, after: TopUp) -> TopUp:
        now = self._clock.now()
        return replace(after, version=before.version + 1, updated_at=now, check_at=next_check(after, now))

    def look(self, top_up: TopUp) -> TopUp:
        """Ask the gateway about `top_up`, and book what is new.

        Raises:
            GatewayError: it does not answer.
        """
        gateway = self._gateways(top_up.gateway)
        if top_up.provider_id is None:
            state = gateway.find(top_up)
            if state is None:
                return self.change(top_up, self._aged)
        else:
            try:
                state = gateway.fetch(top_up.provider_id)
            except GatewayRefused:
                # After its deadline a gateway may have forgotten what nobody paid, as PayPal does.
                if self._aged(top_up) is top_up:
                    raise
                return self.change(top_up, self._aged)
        return self.book(top_up, state)

    def _aged(self, top_up: TopUp) -> TopUp:
        """`top_up` after a look that found nothing new: expired, once its deadline has passed (G28)."""
        if top_up.status.is_final or self._clock.now() < top_up.deadline_at:
            return top_up
        return replace(
            top_up, status=TopUpStatus.EXPIRED, failure="" if top_up.credited_micros else _ABANDONED_NAME
        )

    def book(self, top_up: TopUp, state: PaymentState, also: Sequence[Write] = ()) -> TopUp:
        """Make the ledger agree with `state`, and do `also`, in one transaction.

        Raises:
            ConditionFailed: an assertion of `also` did not hold; nothing was booked.
        """

        def attempt() -> TopUp:
            fresh = self._records.top_up(top_up.customer_id, top_up.id)
            if fresh is None:
                raise NotFound
            now = self._clock.now()
            change = self._ledger.change(fresh.customer_id, now)
            booking = Booking(fresh, change, self._rate_of, self._ledger)
            after = self._next(fresh, self._aged(booking.run(state)))
            writes: list[Write] = [*self._records.replace_top_up(fresh, after), *change.writes(), *also]
            try:
                self._transactor.commit(writes)
            except ConditionFailed as failed:
                if overtaken := failed.asserts & _STALE:
                    # Somebody booked meanwhile, maybe the same: what was posted is asked of a fresh state.
                    raise ConditionFailed(*overtaken) from failed
                raise
            return after

        return with_fresh_reads(attempt, stale=_STALE)

    def _rate_of(self, currency: str) -> str:
        return current_rate(currency, self._rates.rate(currency), self._clock.now())

    def reconcile(self) -> Mapping[str, int]:
        """Look at every top-up that is due: a lost webhook costs minutes, not money.

        Raises:
            ExceptionGroup: what went wrong beyond a gateway's silence, after every top-up had its turn.
        """
        now = self._clock.now()
        due = (top_up for shard in range(TOP_UP_SHARDS) for top_up in self._records.top_ups_to_check(shard, now))
        looked = process_each(due, self._was_looked_at, name=lambda top_up: top_up.id)
        return {"looked": sum(looked), "failed": len(looked) - sum(looked)}

    def _was_looked_at(self, top_up: TopUp) -> bool:
        """Whether its gateway has told of it."""
        try:
            self.look(top_up)
        except (GatewayError, Unavailable):
            self.change(top_up, lambda fresh: fresh)  # its next turn comes later
            return False
        return True
