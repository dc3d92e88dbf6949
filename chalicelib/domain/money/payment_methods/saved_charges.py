"""Charges a saved payment method while the customer is absent.

The gateway's payment object is created, and its id stored, before the charge is confirmed. Before every
confirmation, the first included, the gateway is asked for the state. So a top-up is charged once, whatever is lost
or repeated (G10).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.money.payment_methods.service import SAVING_GATEWAY
from chalicelib.domain.money.top_ups.models import Amount, GatewayError, GatewayRefused, Method, TopUp, TopUpStatus
from chalicelib.domain.money.top_ups.policy import first_deadline, next_check
from chalicelib.domain.money.top_ups.ports import Gateways, SupportsSavedMethods, TopUpRecords
from chalicelib.domain.money.top_ups.settlement import Settlement
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import Write


class SavedCharges:
    """Charges top-ups with saved methods until they end."""

    def __init__(self, top_ups: TopUpRecords, gateways: Gateways, settlement: Settlement) -> None:
        self._top_ups = top_ups
        self._gateways = gateways
        self._settlement = settlement

    def start(self, customer_id: str, amount_micros: int, at: datetime) -> tuple[TopUp, Sequence[Write]]:
        """A new top-up to charge, and the writes that store it; then call `advance` until it has ended."""
        top_up = TopUp(
            id=new_id(Kind.TOP_UP, at),
            customer_id=customer_id,
            gateway=SAVING_GATEWAY,
            method=Method.CARD,
            amount=Amount(amount_micros),
            status=TopUpStatus.CREATED,
            created_at=at,
            updated_at=at,
            deadline_at=first_deadline(Method.CARD, at),
            automatic=True,
        )
        top_up = replace(top_up, check_at=next_check(top_up, at))
        return top_up, self._top_ups.insert_top_up(top_up, None)

    def advance(self, customer_id: str, top_up_id: str, method_id: str) -> TopUp | None:
        """Take a top-up as far as its gateway allows; None if its state cannot be known now.

        If the gateway refuses, the top-up is FAILED, with the gateway's sentence.
        """
        top_up = self._top_ups.top_up(customer_id, top_up_id)
        if top_up is None or top_up.status.is_final:
            return top_up
        try:
            return self._charged(top_up, method_id)
        except GatewayRefused as refused:
            sentence = refused.sentence
        except GatewayError:
            return None
        return self._settlement.change(top_up, lambda fresh: _refused(fresh, sentence))

    def _charged(self, top_up: TopUp, method_id: str) -> TopUp:
        gateway = self._gateways(top_up.gateway)
        if not isinstance(gateway, SupportsSavedMethods):
            raise GatewayRefused(f"{top_up.gateway} keeps no methods")
        if top_up.provider_id is None:
            prepared = gateway.prepare_charge(top_up, method_id)
            top_up = self._settlement.change(top_up, lambda fresh: replace(fresh, provider_id=prepared))
        top_up = self._settlement.look(top_up)
        if top_up.status is not TopUpStatus.AWAITING_PAYMENT or top_up.provider_id is None:
            return top_up
        return self._settlement.book(top_up, gateway.confirm_charge(top_up.provider_id))


def _refused(top_up: TopUp, sentence: str) -> TopUp:
    """`top_up` as failed, because the gateway refuses to charge it; unchanged if it has ended meanwhile."""
    if top_up.status.is_final:
        return top_up
    return replace(top_up, status=TopUpStatus.FAILED, failure=sentence)
