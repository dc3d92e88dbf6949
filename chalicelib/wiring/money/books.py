"""The ledger, metering, spend caps, transfers and referrals."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.wiring.area import Area

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.cloud.prices import DynamoPrices
    from chalicelib.adapters.dynamodb.money.referral import DynamoReferralRecords
    from chalicelib.domain.money.ledger.ports import LedgerRecords
    from chalicelib.domain.money.ledger.service import Ledger
    from chalicelib.domain.money.metering.ports import MeterRecords
    from chalicelib.domain.money.metering.service import Metering
    from chalicelib.domain.money.referral.service import Referrals
    from chalicelib.domain.money.spending.ports import CapRecords, KeyCaps
    from chalicelib.domain.money.spending.service import SpendCaps, SpendingRoom
    from chalicelib.domain.money.transfers.service import Transfers
    from chalicelib.wiring.area import Above
    from chalicelib.wiring.core import Core, Parts
    from chalicelib.wiring.foundation import Foundation
    from chalicelib.wiring.people.organisations import People


class Books(Area):
    """The ledger, metering, spend caps, transfers and referrals."""

    def __init__(self, core: Core, given: Parts, foundation: Foundation, people: People, above: Above) -> None:
        super().__init__(core, given)
        self.foundation = foundation
        self.people = people
        self.above = above

    @cached_property
    def referral_records(self) -> DynamoReferralRecords:
        """Storage of referrals."""
        from chalicelib.adapters.dynamodb.money.referral import DynamoReferralRecords

        return DynamoReferralRecords()

    @cached_property
    def transfers(self) -> Transfers:
        """Transfers money between the customers of one user."""
        from chalicelib.adapters.dynamodb.money.transfers import DynamoTransferRecords
        from chalicelib.domain.money.transfers.service import Transfers

        return Transfers(
            DynamoTransferRecords(),
            self.ledger,
            self.people.users,
            self.above.standing(),
            self.referral_records,
            self.foundation.activity_log,
            self.core.transactor,
            self.core.clock,
        )

    @cached_property
    def referrals(self) -> Referrals:
        """Referral codes and rewards."""
        from chalicelib.adapters.dynamodb.money.referral import DynamoPaidTopUps, DynamoPeople
        from chalicelib.domain.money.referral.service import Referrals

        return Referrals(
            self.referral_records,
            DynamoPaidTopUps(),
            DynamoPeople(),
            self.foundation.rate_limiter,
            self.ledger,
            self.core.transactor,
            self.core.clock,
        )

    @cached_property
    def ledger_records(self) -> LedgerRecords:
        """Storage of the books."""
        from chalicelib.adapters.dynamodb.money.ledger import DynamoLedgerRecords

        return DynamoLedgerRecords()

    @cached_property
    def ledger(self) -> Ledger:
        """The books of all customers."""
        from chalicelib.domain.money.ledger.service import Ledger

        return Ledger(self.ledger_records, self.core.transactor, self.core.clock)

    @cached_property
    def meter_records(self) -> MeterRecords:
        """Storage of meters and their usage."""
        from chalicelib.adapters.dynamodb.money.metering import DynamoMeterRecords

        return DynamoMeterRecords()

    @cached_property
    def prices(self) -> DynamoPrices:
        """The current and announced prices."""
        from chalicelib.adapters.dynamodb.cloud.prices import DynamoPrices

        return DynamoPrices()

    @cached_property
    def metering(self) -> Metering:
        """Meters machines, and posts their usage to the ledger."""
        from chalicelib.adapters.aws.queues import SqsMeteringQueue
        from chalicelib.domain.money.metering.service import Metering

        queue = SqsMeteringQueue(self.core.settings.metering_queue_url)
        return Metering(
            self.meter_records,
            self.prices,
            self.above.machines(),
            self.ledger,
            self.core.transactor,
            queue,
            self.core.clock,
        )

    @cached_property
    def cap_records(self) -> CapRecords:
        """Storage of customers' spend caps."""
        from chalicelib.adapters.dynamodb.money.spending import DynamoCapRecords

        return DynamoCapRecords()

    @cached_property
    def key_caps(self) -> KeyCaps:
        """The spend caps of API keys."""
        from chalicelib.domain.money.spending.service import CapsOfKeys

        return CapsOfKeys(self.foundation.api_key_records)

    @cached_property
    def spend_caps(self) -> SpendCaps:
        """Customers' own spend caps."""
        from chalicelib.domain.money.spending.service import SpendCaps

        return SpendCaps(self.cap_records, self.ledger_records, self.core.transactor, self.core.clock)

    @cached_property
    def spending_room(self) -> SpendingRoom:
        """Refuses machines that do not fit into spend caps."""
        from chalicelib.domain.money.spending.service import SpendingRoom

        return SpendingRoom(self.cap_records, self.key_caps, self.ledger_records)
