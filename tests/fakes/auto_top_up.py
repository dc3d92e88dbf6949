"""Rules of auto top-up in memory, and a gateway that charges saved methods."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chalicelib.domain.foundation.activity.models import Activity
from chalicelib.domain.money.auto_top_up.models import AutoTopUpRule
from chalicelib.domain.money.auto_top_up.ports import CUSTOMER_OPEN, RULE_UNCHANGED
from chalicelib.domain.money.top_ups.models import (
    Checkout,
    GatewayRefused,
    Payment,
    PaymentMethod,
    PaymentState,
    TopUp,
    TopUpStatus,
)
from chalicelib.domain.people.accounts.models import LetterKind
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write
from tests.fakes.money import MemoryTable, MemoryWrite
from tests.fakes.payments import FakeGateway


class MemoryAutoTopUpRecords:
    """`AutoTopUpRecords` in a `MemoryTable`."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def rule(self, customer_id: str) -> AutoTopUpRule | None:
        return self._table.get(("auto_top_up", customer_id), AutoTopUpRule)

    def customers_to_process(self, shard: int) -> Iterator[str]:
        rules = self._table.under(("auto_top_up",), AutoTopUpRule)
        return (rule.customer_id for rule in rules if shard == 0 and rule.needs_processing)

    def replace_rule(self, before: AutoTopUpRule | None, after: AutoTopUpRule) -> Write:
        def unchanged(item: AutoTopUpRule | None) -> bool:
            return (item.version if item else None) == (before.version if before else None)

        return MemoryWrite(RULE_UNCHANGED, ("auto_top_up", after.customer_id), unchanged, after)

    def customer_is_open(self, customer_id: str) -> Write:
        return MemoryWrite(CUSTOMER_OPEN, ("customer", customer_id), lambda item: item is None, None)


class MemoryLetters:
    """`CustomerMail` that stores letters in the table, in the transaction of the change."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def to_customer(
        self, customer_id: str, kind: LetterKind, values: Mapping[str, str], at: datetime
    ) -> Sequence[Write]:
        return [MemoryWrite("new_letter", ("letter", customer_id, at, kind), lambda item: item is None, kind)]

    def sent(self) -> list[LetterKind]:
        """The requested letters."""
        return self._table.under(("letter",), LetterKind)


class MemoryActivities:
    """`ActivityLog` in a list."""

    def __init__(self) -> None:
        self.kept: list[Activity] = []

    def append(self, activity: Activity) -> None:
        self.kept.append(activity)

    def list(self, customer_id: str, page: PageRequest) -> Page[Activity]:
        return Page([kept for kept in self.kept if kept.customer_id == customer_id])


@dataclass
class ChargingGateway(FakeGateway):
    """A `FakeGateway` with one saved method for each customer, which can decline; `calls` has its calls."""

    declines: bool = False
    forgotten: bool = False
    calls: list[str] = field(default_factory=list)
    confirming: Callable[[], None] = lambda: None

    def begin_saving(self, customer_id: str, email: str, key: str) -> Checkout:
        return Checkout(f"seti_{key}")

    def saved_methods(self, customer_id: str) -> Sequence[PaymentMethod]:
        self._before()
        name = f"pm_{customer_id}"
        return [PaymentMethod(name, customer_id, self.name, name, "Visa ending in 4242")]

    def forget_method(self, customer_id: str, provider_id: str) -> None:
        self.forgotten = True

    def fetch(self, provider_id: str) -> PaymentState:
        self.calls.append("fetch")
        return super().fetch(provider_id)

    def prepare_charge(self, top_up: TopUp, method_provider_id: str) -> str:
        self._before()
        self.calls.append("prepare")
        if self.forgotten:
            raise GatewayRefused("no such method", "The card is not there any more.")
        assert method_provider_id == f"pm_{top_up.customer_id}"
        provider_id = f"pi_{top_up.id}"
        prepared = PaymentState(provider_id, TopUpStatus.AWAITING_PAYMENT, reference=top_up.id)
        self.states.setdefault(provider_id, prepared)
        self.wanted = top_up.amount
        self._after()
        return provider_id

    def confirm_charge(self, provider_id: str) -> PaymentState:
        self._before()
        self.calls.append("confirm")
        self.confirming()
        if self.declines:
            self.tell(provider_id, status=TopUpStatus.FAILED, failure="Your card was declined.")
        elif not self.states[provider_id].payments:
            paid = Payment(f"ch_{provider_id}", self.wanted, datetime(2031, 1, 1, tzinfo=UTC))
            self.tell(provider_id, status=TopUpStatus.SETTLED, payments=(paid,))
        self._after()
        return self.states[provider_id]
