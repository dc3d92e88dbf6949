"""What comes from gateways by itself."""

from collections.abc import Mapping
from dataclasses import replace

from chalicelib.domain.money.top_ups.models import (
    GatewayRefused,
    NoticeState,
    TopUp,
)
from chalicelib.domain.money.top_ups.ports import (
    Gateways,
    NoticeQueue,
    NoticeRecords,
    SupportsReferences,
    TopUpRecords,
)
from chalicelib.domain.money.top_ups.settlement import Settlement
from chalicelib.kernel.clock import Clock


class Webhooks:
    """What comes from gateways: verified, recorded once, handed over, answered at once (G40)."""

    def __init__(
        self,
        gateways: Gateways,
        notices: NoticeRecords,
        queue: NoticeQueue,
        records: TopUpRecords,
        settlement: Settlement,
        clock: Clock,
    ) -> None:
        self._gateways = gateways
        self._notices = notices
        self._queue = queue
        self._records = records
        self._settlement = settlement
        self._clock = clock

    def receive(self, gateway: str, raw_body: bytes, headers: Mapping[str, str]) -> NoticeState:
        """Take one webhook in; a replay is acknowledged and changes nothing.

        Raises:
            InvalidSignature: it is not the gateway's.
        """
        now = self._clock.now()
        notice = self._gateways(gateway).verify(raw_body, headers, now)
        state = self._notices.record(gateway, notice, now)
        if state is not NoticeState.HANDED_OVER:
            self._queue.send(gateway, notice.provider_id, notice.reference)
            self._notices.handed_over(gateway, notice.event_id)
        return state

    def handle(self, gateway: str, provider_id: str | None, reference: str | None) -> TopUp | None:
        """Fetch what a notice is about and book it; None where it concerns nothing of ours.

        Raises:
            GatewayError: the gateway does not answer; the queue brings the notice again.
        """
        top_up = self._records.top_up_of_provider(gateway, provider_id) if provider_id else None
        if top_up is None and provider_id and not reference:
            reference = self._reference_of(gateway, provider_id)
        if top_up is None and reference:
            top_up = self._records.top_up_of_reference(reference)
        if top_up is None and provider_id:
            return self._handle_part(gateway, provider_id)
        if top_up is None or top_up.gateway != gateway:
            return None
        if top_up.provider_id is None and provider_id:
            top_up = self._settlement.change(top_up, lambda fresh: replace(fresh, provider_id=provider_id))
        return self._settlement.look(top_up)

    def _reference_of(self, gateway: str, provider_id: str) -> str | None:
        """What the gateway itself says the object belongs to, such as the disputed payment of a hosted page."""
        asked = self._gateways(gateway)
        return asked.reference_of(provider_id) if isinstance(asked, SupportsReferences) else None

    def _handle_part(self, gateway: str, part_id: str) -> TopUp | None:
        """Handle a notice that names a part of something, such as one transfer towards a top-up."""
        try:
            state = self._gateways(gateway).fetch(part_id)
        except GatewayRefused:
            return None
        top_up = self._records.top_up_of_provider(gateway, state.provider_id)
        if top_up is None and state.reference:
            top_up = self._records.top_up_of_reference(state.reference)
        if top_up is None or top_up.gateway != gateway:
            return None
        return self._settlement.book(top_up, state)
