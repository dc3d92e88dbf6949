"""Stores referrals, and reads the traces that tell customers apart."""

import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.foundation.activity import ActivityRecord
from chalicelib.adapters.dynamodb.foundation.places import active_customer
from chalicelib.adapters.dynamodb.money.billing import DynamoBillingRecords
from chalicelib.adapters.dynamodb.money.ledger import BookRecord
from chalicelib.adapters.dynamodb.money.top_ups import DynamoTopUpRecords, TopUpRecord, top_up_of
from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import insert, put
from chalicelib.domain.money.billing.models import BillingProfile
from chalicelib.domain.money.referral.models import Referral, ReferralStatus, RewardReason, Traces
from chalicelib.domain.money.referral.ports import (
    CUSTOMER_ACTIVE,
    NEW_PAYER,
    NEW_REFERRAL,
    REFERRAL_SHARDS,
    REFERRAL_UNCHANGED,
)
from chalicelib.domain.money.top_ups.models import TopUp
from chalicelib.domain.people.accounts.models import User
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.sites import site_of
from chalicelib.kernel.transactions import Write

_FIRST_ACTIVITIES = 10
"""A customer's first activities show the networks from which its people came when they registered."""


class _Shared(Record):
    """The attributes of the referral and of its copies."""

    referral_id = UnicodeAttribute()
    referrer_id = UnicodeAttribute()
    referred_id = UnicodeAttribute()
    redeemed_by = UnicodeAttribute()
    redeemed_at = UnicodeAttribute()
    status = UnicodeAttribute()
    reason = OptionalText()
    reward_micros = IntegerAttribute()
    top_up_id = OptionalText()
    decided_at = OptionalText()
    check_at = OptionalText()
    version = IntegerAttribute()


R = TypeVar("R", bound=_Shared)


class ReferralRecord(_Shared, discriminator="REFERRAL"):
    """`CUSTOMER#<referred>` / `REFERRAL`; in `gsi2` under `REFERRALS#<shard>` while it must be checked again."""


class RewardRecord(_Shared, discriminator="REWARD"):
    """`CUSTOMER#<either>` / `REWARD#<id>`: a copy of the referral in the history of each customer."""


class RedeemerRecord(Record, discriminator="REDEEMER"):
    """`USER#<user>` / `REDEEMER`: a user redeems only one code, however many customers they create."""


class RewardedPayerRecord(Record, discriminator="REWARDED_PAYER"):
    """`PAYER#<mark>` / `REWARDED`: a card or account earns one reward, however many customers pay with it."""

    referral_id = UnicodeAttribute()


class DynamoReferralRecords:
    """`ReferralRecords` on the single table."""

    def customers_of_code(self, code: str) -> Sequence[str]:
        """The customers with a code; see `ReferralRecords.customers_of_code`."""
        found = BookRecord.query(f"REFERRAL_CODES#{code}", index_name="gsi2", limit=2)
        return [record.pk.removeprefix("LEDGER#") for record in found]

    def referral(self, referred_id: str) -> Referral | None:
        """The referral of a referred customer; see `ReferralRecords.referral`."""
        try:
            return _referral(ReferralRecord.get(f"CUSTOMER#{referred_id}", "REFERRAL", consistent_read=True))
        except ReferralRecord.DoesNotExist:
            return None

    def referrals(self, customer_id: str, page: PageRequest) -> Page[Referral]:
        """A page of a customer's referrals; see `ReferralRecords.referrals`."""
        only = RewardRecord.sk.startswith("REWARD#")
        return query_page(RewardRecord, f"CUSTOMER#{customer_id}", page, _referral, sort_key=only, ascending=False)

    def all_referrals(self, customer_id: str) -> Sequence[Referral]:
        """All referrals of a customer; see `ReferralRecords.all_referrals`."""
        only = RewardRecord.sk.startswith("REWARD#")
        found = RewardRecord.query(f"CUSTOMER#{customer_id}", only, consistent_read=True)
        return [_referral(record) for record in found]

    def revocable_micros(self, customer_id: str) -> int:
        """The rewards that may still be taken back; see `money.transfers.service.Revocable`."""
        return sum(found.reward_micros for found in self.all_referrals(customer_id) if found.is_revocable)

    def due(self, shard: int, before: datetime) -> Iterator[Referral]:
        """The referrals that are due; see `ReferralRecords.due`."""
        early = ReferralRecord.gsi2sk < isoformat(before)
        return map(_referral, ReferralRecord.query(f"REFERRALS#{shard}", early, index_name="gsi2"))

    def insert_referral(self, referral: Referral) -> Sequence[Write]:
        """Store a new referral; see `ReferralRecords.insert_referral`."""
        return [
            insert(_canonical(referral), NEW_REFERRAL),
            insert(RedeemerRecord(f"USER#{referral.redeemed_by}", "REDEEMER"), NEW_REFERRAL),
            *_copies(referral),
        ]

    def replace_referral(self, before: Referral, after: Referral) -> Sequence[Write]:
        """Change a referral; see `ReferralRecords.replace_referral`."""
        unchanged = ReferralRecord.version == before.version
        return [put(_canonical(after), unchanged, REFERRAL_UNCHANGED), *_copies(after)]

    def insert_payer(self, payer: str, referral: Referral) -> Write:
        """Record the card or account that paid; see `ReferralRecords.insert_payer`."""
        return insert(RewardedPayerRecord(f"PAYER#{payer}", "REWARDED", referral_id=referral.id), NEW_PAYER)

    def active(self, customer_id: str) -> Write:
        """Assert that a customer is neither blocked nor closed; see `ReferralRecords.active`."""
        return active_customer(customer_id, CUSTOMER_ACTIVE)


class DynamoPaidTopUps:
    """`PaidTopUps` that reads the records of top-ups."""

    def top_up(self, customer_id: str, top_up_id: str) -> TopUp | None:
        """A customer's top-up; see `PaidTopUps.top_up`."""
        return DynamoTopUpRecords().top_up(customer_id, top_up_id)

    def paid(self, customer_id: str, min_micros: int) -> Iterator[TopUp]:
        """The paid top-ups, oldest first; see `PaidTopUps.paid`."""
        found = TopUpRecord.query(
            f"CUSTOMER#{customer_id}",
            TopUpRecord.sk.startswith("TOP_UP#"),
            filter_condition=TopUpRecord.credited_micros >= min_micros,
            consistent_read=True,
        )
        return map(top_up_of, found)

    def has_paid_with(self, customer_id: str, payers: frozenset[str]) -> bool:
        """Whether any top-up was paid with one of `payers`; see `PaidTopUps.has_paid_with`."""
        return any(top_up.payers & payers for top_up in self.paid(customer_id, 1))


class DynamoPeople:
    """`People` that reads the records of other contexts."""

    def get(self, user_id: str) -> User | None:
        """The user; see `People.get`."""
        return DynamoUsers().get(user_id)

    def traces(self, customer_id: str) -> Traces:
        """A customer's traces; see `People.traces`."""
        first = ActivityRecord.query(f"ACTIVITY#{customer_id}", limit=_FIRST_ACTIVITIES)
        return Traces(
            users=frozenset(member.user_id for member in DynamoUsers().members(customer_id)),
            networks=frozenset(site_of(activity.ip) for activity in first if activity.ip),
            address=_address(DynamoBillingRecords().profile(customer_id)),
        )


def _address(profile: BillingProfile | None) -> str:
    """The billing address, normalized; empty if it has no country or no address line."""
    if profile is None or not profile.country or not profile.address_lines:
        return ""
    parts = (profile.country, profile.postal_code, *profile.address_lines)
    return "".join(character for part in parts for character in part.casefold() if character.isalnum())


def _canonical(referral: Referral) -> ReferralRecord:
    check_at = isoformat(referral.check_at) if referral.check_at else None
    record = ReferralRecord(f"CUSTOMER#{referral.referred_id}", "REFERRAL")
    if check_at:
        record.gsi2pk = f"REFERRALS#{zlib.crc32(referral.id.encode()) % REFERRAL_SHARDS}"
        record.gsi2sk = check_at
    return _filled(record, referral)


def _copies(referral: Referral) -> Sequence[Write]:
    """The copies for both customers. They assert nothing: they are always written together with the referral."""
    sides = (referral.referrer_id, referral.referred_id)
    keys = (RewardRecord(f"CUSTOMER#{customer_id}", f"REWARD#{referral.id}") for customer_id in sides)
    return [put(_filled(record, referral)) for record in keys]


def _filled(record: R, referral: Referral) -> R:
    record.referral_id = referral.id
    record.referrer_id = referral.referrer_id
    record.referred_id = referral.referred_id
    record.redeemed_by = referral.redeemed_by
    record.redeemed_at = isoformat(referral.redeemed_at)
    record.status = referral.status.value
    record.reason = referral.reason.value if referral.reason else None
    record.reward_micros = referral.reward_micros
    record.top_up_id = referral.top_up_id or None
    record.decided_at = isoformat(referral.decided_at) if referral.decided_at else None
    record.check_at = isoformat(referral.check_at) if referral.check_at else None
    record.version = referral.version
    return record


def _referral(record: _Shared) -> Referral:
    return Referral(
        id=record.referral_id,
        referrer_id=record.referrer_id,
        referred_id=record.referred_id,
        redeemed_by=record.redeemed_by,
        redeemed_at=parse_isoformat(record.redeemed_at),
        status=ReferralStatus(record.status),
        reason=RewardReason(record.reason) if record.reason else None,
        reward_micros=record.reward_micros,
        top_up_id=record.top_up_id or "",
        decided_at=parse_isoformat(record.decided_at) if record.decided_at else None,
        check_at=parse_isoformat(record.check_at) if record.check_at else None,
        version=record.version,
    )
