"""Top-ups in memory, and a gateway whose state tests set."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib.domain.money.top_ups.models import (
    Checkout,
    GatewayUnreachable,
    Notice,
    NoticeState,
    PaymentState,
    Rate,
    TopUp,
    TopUpStatus,
)
from chalicelib.domain.money.top_ups.ports import NEW_TOP_UP, TOP_UP_UNCHANGED
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write
from tests.fakes.money import MemoryTable, MemoryWrite


class MemoryTopUpRecords:
    """`TopUpRecords` in a `MemoryTable`."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def top_up(self, customer_id: str, top_up_id: str) -> TopUp | None:
        return self._table.get(("top_up", customer_id, top_up_id), TopUp)

    def top_up_of_key(self, customer_id: str, key: str) -> str | None:
        return self._table.get(("top_up_key", customer_id, key), str)

    def top_up_of_reference(self, top_up_id: str) -> TopUp | None:
        return next((found for found in self._table.under(("top_up",), TopUp) if found.id == top_up_id), None)

    def top_up_of_provider(self, gateway: str, provider_id: str) -> TopUp | None:
        found = self._table.under(("top_up",), TopUp)
        return next((t for t in found if t.gateway == gateway and t.provider_id == provider_id), None)

    def top_ups(self, customer_id: str, page: PageRequest) -> Page[TopUp]:
        return Page(self._table.under(("top_up", customer_id), TopUp))

    def top_ups_to_check(self, shard: int, before: datetime) -> Iterator[TopUp]:
        if shard == 0:
            found = self._table.under(("top_up",), TopUp)
            yield from (top_up for top_up in found if top_up.check_at and top_up.check_at < before)

    def insert_top_up(self, top_up: TopUp, key: str | None) -> Sequence[Write]:
        at = ("top_up", top_up.customer_id, top_up.id)
        writes = [MemoryWrite(NEW_TOP_UP, at, lambda item: item is None, top_up)]
        if key:
            made = ("top_up_key", top_up.customer_id, key)
            writes.append(MemoryWrite(NEW_TOP_UP, made, lambda item: item is None, top_up.id))
        return writes

    def replace_top_up(self, before: TopUp, after: TopUp) -> Sequence[Write]:
        at = ("top_up", after.customer_id, after.id)
        return [MemoryWrite(TOP_UP_UNCHANGED, at, lambda item: item.version == before.version, after)]


class MemoryNotices:
    """`NoticeRecords` and `NoticeQueue` in memory; notices wait until a test processes them."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], bool] = {}
        self.waiting: list[tuple[str, str | None, str | None]] = []

    def record(self, gateway: str, notice: Notice, at: datetime) -> NoticeState:
        known = self.known.get((gateway, notice.event_id))
        self.known.setdefault((gateway, notice.event_id), False)
        if known is None:
            return NoticeState.NEW
        return NoticeState.HANDED_OVER if known else NoticeState.NOT_HANDED_OVER

    def handed_over(self, gateway: str, event_id: str) -> None:
        self.known[gateway, event_id] = True

    def send(self, gateway: str, provider_id: str | None, reference: str | None) -> None:
        self.waiting.append((gateway, provider_id, reference))


class FixedRates:
    """`Rates` with fixed values."""

    def __init__(self) -> None:
        self.rates: dict[str, Rate] = {}

    def rate(self, currency: str) -> Rate | None:
        return self.rates.get(currency)

    def put_rate(self, rate: Rate) -> None:
        self.rates[rate.currency] = rate


@dataclass
class FakeGateway:
    """A gateway whose state a test sets; with `silent`, it does not answer, before or after its effect."""

    name: str = "stripe"
    states: dict[str, PaymentState] = field(default_factory=dict)
    silent: str = ""

    def create(self, top_up: TopUp, *, return_url: str) -> Checkout:
        self._before()
        provider_id = f"pi_{top_up.id}"
        self.states.setdefault(
            provider_id, PaymentState(provider_id, TopUpStatus.AWAITING_PAYMENT, reference=top_up.id)
        )
        self._after()
        return Checkout(provider_id)

    def find(self, top_up: TopUp) -> PaymentState | None:
        self._before()
        return self.states.get(f"pi_{top_up.id}")

    def fetch(self, provider_id: str) -> PaymentState:
        self._before()
        return self.states[provider_id]

    def verify(self, raw_body: bytes, headers: Mapping[str, str], now: datetime) -> Notice:
        event_id, provider_id = raw_body.decode().split()
        return Notice(event_id, "changed", provider_id)

    def tell(self, provider_id: str, **changes: object) -> None:
        """Change the gateway's state of a payment."""
        self.states[provider_id] = replace(self.states[provider_id], **changes)  # type: ignore[arg-type]

    def _before(self) -> None:
        if self.silent == "before":
            raise GatewayUnreachable("no answer")

    def _after(self) -> None:
        if self.silent == "after":
            raise GatewayUnreachable("the answer was lost")
