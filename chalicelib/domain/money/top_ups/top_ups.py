"""A customer's side of payments."""

import secrets
from dataclasses import replace

from chalicelib.domain.money.top_ups.errors import PaymentProviderError
from chalicelib.domain.money.top_ups.models import (
    Amount,
    Checkout,
    GatewayError,
    GatewayRefused,
    Method,
    TopUp,
    TopUpStatus,
)
from chalicelib.domain.money.top_ups.policy import first_deadline, next_check
from chalicelib.domain.money.top_ups.ports import (
    NEW_TOP_UP,
    Gateways,
    TopUpRecords,
)
from chalicelib.domain.money.top_ups.settlement import Settlement
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Transactor, with_fresh_reads


@dataclass(frozen=True)
class TopUpRequest:
    """What a customer wants to pay, and how."""

    gateway: str
    method: Method
    amount: Amount
    asset: str = ""
    network: str = ""


class TopUps:
    """A customer's side: asking to pay, and looking."""

    def __init__(
        self,
        records: TopUpRecords,
        gateways: Gateways,
        settlement: Settlement,
        transactor: Transactor,
        clock: Clock,
        return_url: str,
    ) -> None:
        self._records = records
        self._gateways = gateways
        self._settlement = settlement
        self._transactor = transactor
        self._clock = clock
        self._return_url = return_url

    def create(self, customer_id: str, request: TopUpRequest, key: str | None) -> TopUp:
        """Record the intention, then ask the gateway for a way to pay.

        The record comes first, so that whatever the gateway has made is found again by the top-up's id; a
        repeated call with the same `key` goes on where the first one stopped.

        Raises:
            PaymentProviderError: the gateway did not answer, or refused; the same key may be tried again.
        """
        top_up = self._recorded(customer_id, request, key or secrets.token_hex(16))
        if top_up.checkout is not None:
            return top_up
        try:
            checkout = self._gateways(top_up.gateway).create(top_up, return_url=self._return_url)
        except GatewayRefused as refused:
            raise PaymentProviderError(refused.sentence) from refused
        except GatewayError as error:
            raise PaymentProviderError from error
        return self._settlement.change(top_up, lambda fresh: _offered(fresh, checkout))

    def _recorded(self, customer_id: str, request: TopUpRequest, key: str) -> TopUp:
        def record() -> TopUp:
            made = self._records.top_up_of_key(customer_id, key)
            if made and (found := self._records.top_up(customer_id, made)):
                return found
            now = self._clock.now()
            top_up = TopUp(
                id=new_id(Kind.TOP_UP, now),
                customer_id=customer_id,
                gateway=request.gateway,
                method=request.method,
                amount=request.amount,
                asset=request.asset,
                network=request.network,
                status=TopUpStatus.CREATED,
                created_at=now,
                updated_at=now,
                deadline_at=first_deadline(request.method, now),
            )
            top_up = replace(top_up, check_at=next_check(top_up, now))
            self._transactor.commit(self._records.insert_top_up(top_up, key))
            return top_up

        return with_fresh_reads(record, stale=frozenset({NEW_TOP_UP}))

    def get(self, customer_id: str, top_up_id: str) -> TopUp:
        """One top-up.

        Raises:
            NotFound: this customer has no such top-up.
        """
        top_up = self._records.top_up(customer_id, top_up_id)
        if top_up is None:
            raise NotFound("You have no such top-up.")
        return top_up

    def list(self, customer_id: str, page: PageRequest) -> Page[TopUp]:
        """A customer's top-ups, newest first."""
        return self._records.top_ups(customer_id, page)


def _offered(top_up: TopUp, checkout: Checkout) -> TopUp:
    """`top_up` with a way to pay. The first one stays: a customer is never shown two."""
    if top_up.checkout is not None:
        return top_up
    return replace(
        top_up,
        provider_id=checkout.provider_id,
        checkout=checkout,
        status=TopUpStatus.AWAITING_PAYMENT if top_up.status is TopUpStatus.CREATED else top_up.status,
        deadline_at=checkout.expires_at or top_up.deadline_at,
    )
