"""Refunds and approvals in memory, and a gateway that sends money back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.foundation.approvals.models import Approval, ApprovalStatus
from chalicelib.domain.foundation.approvals.ports import APPROVAL_UNDECIDED, NEW_APPROVAL
from chalicelib.domain.money.refunds.models import RefundOrder
from chalicelib.domain.money.refunds.ports import NEW_REFUND, REFUND_UNCHANGED
from chalicelib.domain.money.top_ups.models import Amount, GatewayRefused, Refund, RefundStatus
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write
from tests.fakes.money import MemoryTable, MemoryWrite
from tests.fakes.payments import FakeGateway


class MemoryRefundRecords:
    """`RefundRecords` in a `MemoryTable`."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def refund(self, customer_id: str, top_up_id: str, refund_id: str) -> RefundOrder | None:
        return self._table.get(("refund", customer_id, top_up_id, refund_id), RefundOrder)

    def refund_of_key(self, customer_id: str, top_up_id: str, key: str) -> RefundOrder | None:
        made = self._table.get(("refund_key", customer_id, top_up_id, key), str)
        return self.refund(customer_id, top_up_id, made) if made else None

    def refunds(self, customer_id: str, top_up_id: str) -> Sequence[RefundOrder]:
        return self._table.under(("refund", customer_id, top_up_id), RefundOrder)

    def refunds_to_check(self, before: datetime) -> Iterator[RefundOrder]:
        found = self._table.under(("refund",), RefundOrder)
        return (order for order in found if order.check_at and order.check_at < before)

    def insert_refund(self, order: RefundOrder, key: str) -> Sequence[Write]:
        at = ("refund", order.customer_id, order.top_up_id, order.id)
        made = ("refund_key", order.customer_id, order.top_up_id, key)
        return [
            MemoryWrite(NEW_REFUND, at, lambda item: item is None, order),
            MemoryWrite(NEW_REFUND, made, lambda item: item is None, order.id),
        ]

    def replace_refund(self, before: RefundOrder, after: RefundOrder) -> Write:
        at = ("refund", after.customer_id, after.top_up_id, after.id)
        return MemoryWrite(REFUND_UNCHANGED, at, lambda item: item.version == before.version, after)


class MemoryApprovalRecords:
    """`ApprovalRecords` in a `MemoryTable`."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def approval(self, approval_id: str) -> Approval | None:
        return self._table.get(("approval", approval_id), Approval)

    def approval_of_key(self, key: str) -> Approval | None:
        made = self._table.get(("approval_key", key), str)
        return self.approval(made) if made else None

    def approvals(self, page: PageRequest) -> Page[Approval]:
        return Page(self._table.under(("approval",), Approval)[::-1])

    def insert_approval(self, approval: Approval, key: str) -> Sequence[Write]:
        return [
            MemoryWrite(NEW_APPROVAL, ("approval", approval.id), lambda item: item is None, approval),
            MemoryWrite(NEW_APPROVAL, ("approval_key", key), lambda item: item is None, approval.id),
        ]

    def decide_approval(self, decided: Approval) -> Write:
        def undecided(item: Approval) -> bool:
            return item.status is ApprovalStatus.PENDING

        return MemoryWrite(APPROVAL_UNDECIDED, ("approval", decided.id), undecided, decided)


@dataclass
class RefundingGateway(FakeGateway):
    """A `FakeGateway` that sends money back; `outcome` says whether at once."""

    outcome: RefundStatus = RefundStatus.DONE
    refusal: str = ""
    asked: list[str] = field(default_factory=list)
    """The keys of its refund calls, with repetitions."""

    def refund(self, provider_id: str, amount: Amount, key: str) -> Refund:
        self._before()
        self.asked.append(key)
        if self.refusal:
            raise GatewayRefused("no", self.refusal)
        state = self.states[provider_id]
        made = next((refund for refund in state.refunds if refund.key == key), None)
        if made is None:
            made = Refund(f"re_{len(state.refunds) + 1}", amount, self.outcome, key)
            self.tell(provider_id, refunds=(*state.refunds, made))
        self._after()
        return made
