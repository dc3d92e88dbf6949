"""The price of a deployment, and the reasons to refuse it."""

from datetime import datetime

from chalicelib.domain.cloud.catalog.models import Offer
from chalicelib.domain.cloud.deployments.models import HOLD_SECONDS, DeploymentRequest, Quote
from chalicelib.domain.cloud.deployments.ports import Availability, DeploymentRecords, Offers, SpendingRoom
from chalicelib.domain.cloud.providers.errors import CapacityUnavailable, ProviderError
from chalicelib.domain.cloud.providers.models import StorageKind
from chalicelib.domain.foundation.access.ports import CustomerStanding
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.domain.money.ledger.errors import AccountSuspended, InsufficientBalance
from chalicelib.domain.money.ledger.models import SECONDS_PER_HOUR
from chalicelib.domain.money.ledger.service import AccountChange, Ledger
from chalicelib.domain.money.spending.errors import SpendCapReached
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import LimitExceeded


def hold_micros(offer: Offer) -> int:
    """Return the micro-dollars that must be available before a machine of this offer is built."""
    return offer.price_micros_per_hour * HOLD_SECONDS // SECONDS_PER_HOUR


class Admission:
    """Decides whether a customer may have one more machine, and at what price."""

    def __init__(
        self,
        records: DeploymentRecords,
        offers: Offers,
        availability: Availability,
        ledger: Ledger,
        standing: CustomerStanding,
        room: SpendingRoom,
        clock: Clock,
    ) -> None:
        self._records = records
        self._offers = offers
        self._availability = availability
        self._ledger = ledger
        self._standing = standing
        self._room = room
        self._clock = clock

    def offer(self, request: DeploymentRequest) -> Offer:
        """Return the catalogue's offer for the request.

        Raises:
            InvalidInput: with a detail for each invalid field.
        """
        kind = StorageKind(request.storage_kind)
        return self._offers.offer(request.region, request.instance_type, request.image, kind, request.storage_gb)

    def quote(self, reach: Reach, request: DeploymentRequest, *, api_key_id: str = "") -> Quote:
        """Return the price of `request`, and a warning for each reason to refuse it.

        Raises:
            InvalidInput: with a detail for each invalid field.
            ProviderError: the provider did not say whether it has capacity.
        """
        offer = self.offer(request)
        hold = hold_micros(offer)
        balance = self._ledger.balance(reach.customer_id)
        available = self._availability.available(offer)
        slots = self._records.slots(reach.customer_id)
        warnings = []
        if self._standing.is_suspended(reach.customer_id):
            warnings.append(AccountSuspended.sentence)
        if balance.available_micros < hold:
            warnings.append(InsufficientBalance.sentence)
        try:
            self.demand_room(reach.customer_id, offer, self._clock.now(), api_key_id=api_key_id)
        except SpendCapReached as refusal:
            warnings.append(refusal.message)
        if slots.taken >= slots.limit:
            warnings.append(LimitExceeded.sentence)
        if available is False:
            warnings.append(CapacityUnavailable.sentence)
        return Quote(
            available,
            offer.price_micros_per_hour,
            offer.price_changes,
            hold,
            balance,
            slots.taken,
            slots.limit,
            warnings,
        )

    def demand(self, customer_id: str, offer: Offer) -> None:
        """Raise if anything other than money prevents one more machine.

        Raises:
            AccountSuspended, LimitExceeded, CapacityUnavailable: the reason.
        """
        if self._standing.is_suspended(customer_id):
            raise AccountSuspended
        slots = self._records.slots(customer_id)
        if slots.taken >= slots.limit:
            raise LimitExceeded
        if self._is_full(offer):
            raise CapacityUnavailable

    def _is_full(self, offer: Offer) -> bool:
        """Whether the provider reports no capacity. Without an answer, the order is accepted: its state machine
        asks again.
        """
        try:
            return self._availability.available(offer) is False
        except ProviderError:
            return False

    def demand_room(self, customer_id: str, offer: Offer, at: datetime, *, api_key_id: str) -> AccountChange:
        """Check the spend caps for one more machine; return the change of the account that they were checked with.

        A transaction that commits the change asserts that nothing was spent since.

        Raises:
            SpendCapReached: a cap leaves no room for the machine's first hour.
        """
        change = self._ledger.change(customer_id, at)
        self._room.demand(change.account, hold_micros(offer), at, api_key_id=api_key_id)
        return change
