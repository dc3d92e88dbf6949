"""Referrals: who brought whom, and what has come of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.money.top_ups.models import TopUp
from chalicelib.domain.money.top_ups.policy import DISPUTABLE
from chalicelib.kernel.money import MICROS_PER_UNIT

REWARD_MICROS = 10 * MICROS_PER_UNIT
"""What each of the two gets."""
LEAST_TOP_UP_MICROS = 25 * MICROS_PER_UNIT
"""What the referred customer must have paid at once, and not been sent back."""
REDEEMABLE_FOR = timedelta(days=30)
"""From registering on."""
WAITS_FOR = timedelta(days=90)
"""From redeeming on, for the first payment."""
MOST_REWARDS = 50
"""As many customers bring a reward to the one who brought them."""
_CHECKED_EVERY = timedelta(days=1)


class Side(StrEnum):
    """Which of the two somebody is."""

    REFERRER = "referrer"
    REFERRED = "referred"


class ReferralStatus(StrEnum):
    """Where a referral stands."""

    WAITING = "WAITING"
    """Redeemed; the first payment of at least `LEAST_TOP_UP_MICROS` is waited for."""
    REWARDED = "REWARDED"
    """Both have their reward. It can still be taken back, while `check_at` is set."""
    REFUSED = "REFUSED"
    TAKEN_BACK = "TAKEN_BACK"
    """The payment went back, and so did the rewards."""


class RewardReason(StrEnum):
    """Why there is no reward, or not any more."""

    SAME_PAYER = "same_payment_method"
    """It was paid with what the other customer pays with too, or what has brought a reward before."""
    SAME_PEOPLE = "same_people"
    """Somebody belongs to both customers by now."""
    NO_PAYMENT = "no_payment"
    """Nothing was paid in time."""
    LIMIT = "limit"
    """The referrer has had as many rewards as there can be."""
    NOT_ACTIVE = "not_active"
    """One of the two is blocked or closed."""
    PAYMENT_RETURNED = "payment_returned"
    """The payment was refunded, or a dispute about it was lost."""


@dataclass(frozen=True)
class Referral:
    """One customer brought by another."""

    id: str
    referrer_id: str
    referred_id: str
    redeemed_by: str
    redeemed_at: datetime
    status: ReferralStatus = ReferralStatus.WAITING
    reason: RewardReason | None = None
    reward_micros: int = REWARD_MICROS
    """What each of the two gets, or got."""
    top_up_id: str = ""
    """The payment that the reward was for."""
    decided_at: datetime | None = None
    check_at: datetime | None = None
    """When to look again, in case an event was lost; None where nothing more is expected."""
    version: int = 0

    def side_of(self, customer_id: str) -> Side:
        """Which of the two the customer is."""
        return Side.REFERRER if customer_id == self.referrer_id else Side.REFERRED

    @property
    def is_revocable(self) -> bool:
        """Whether there are rewards that may have to be given back."""
        return self.status is ReferralStatus.REWARDED and self.check_at is not None

    def waiting(self, now: datetime) -> "Referral":
        """Still waiting at `now`; refused, once that has lasted too long."""
        if now - self.redeemed_at >= WAITS_FOR:
            return self.refused(RewardReason.NO_PAYMENT, now)
        return replace(self, check_at=now + _CHECKED_EVERY, version=self.version + 1)

    def refused(self, reason: RewardReason, now: datetime, top_up_id: str = "") -> "Referral":
        """Without a reward, for good."""
        return self._decided(ReferralStatus.REFUSED, now, reason=reason, top_up_id=top_up_id, check_at=None)

    def rewarded(self, top_up_id: str, now: datetime) -> "Referral":
        """Both have it."""
        return self._decided(ReferralStatus.REWARDED, now, top_up_id=top_up_id, check_at=now + _CHECKED_EVERY)

    def watched(self, top_up: TopUp, now: datetime) -> "Referral":
        """Still rewarded at `now`, and looked at again while the payment is, or can be, disputed."""
        is_over = now - top_up.created_at >= DISPUTABLE and top_up.disputed_micros == 0
        return replace(self, check_at=None if is_over else now + _CHECKED_EVERY, version=self.version + 1)

    def taken_back(self, now: datetime) -> "Referral":
        """Neither has it any more."""
        return self._decided(
            ReferralStatus.TAKEN_BACK,
            now,
            reason=RewardReason.PAYMENT_RETURNED,
            top_up_id=self.top_up_id,
            check_at=None,
        )

    def _decided(
        self,
        status: ReferralStatus,
        now: datetime,
        *,
        top_up_id: str,
        check_at: datetime | None,
        reason: RewardReason | None = None,
    ) -> "Referral":
        return replace(
            self,
            status=status,
            reason=reason,
            top_up_id=top_up_id,
            decided_at=now,
            check_at=check_at,
            version=self.version + 1,
        )


def counts(top_up: TopUp) -> bool:
    """Whether a reward is given for `top_up`: it is large enough, and neither sent back nor disputed."""
    return _stays(top_up) and top_up.disputed_micros == 0


def was_returned(top_up: TopUp) -> bool:
    """Whether too little of `top_up` is left for a reward. An open dispute has returned nothing yet."""
    return not _stays(top_up)


def _stays(top_up: TopUp) -> bool:
    lost = any(
        name.startswith("dispute:")
        and name.endswith(":lost")
        and f"{name.removesuffix(':lost')}:won" not in top_up.booked
        for name in top_up.booked
    )
    return not lost and top_up.credited_micros - top_up.refunded_micros >= LEAST_TOP_UP_MICROS


@dataclass(frozen=True)
class Traces:
    """What tells whether two customers are one: their people, whence they came, and where they live."""

    users: frozenset[str]
    networks: frozenset[str]
    """IPv4 addresses and IPv6 networks of their first days."""
    address: str = ""
    """The billing address in one line, without what people write in different ways; empty where there is none."""

    def with_network(self, network: str) -> "Traces":
        """With one more."""
        return replace(self, networks=self.networks | {network})

    def lives_with(self, other: "Traces") -> bool:
        """Whether the two came from one place."""
        return bool(self.networks & other.networks) or bool(self.address and self.address == other.address)


@dataclass(frozen=True)
class Stats:
    """What a customer's code has brought so far."""

    counts: dict[ReferralStatus, int] = field(default_factory=dict)
    earned_micros: int = 0

    @classmethod
    def of(cls, referrals: Iterable[Referral]) -> "Stats":
        """Over the customer's own referrals."""
        counts = dict.fromkeys(ReferralStatus, 0)
        earned = 0
        for referral in referrals:
            counts[referral.status] += 1
            earned += referral.reward_micros if referral.status is ReferralStatus.REWARDED else 0
        return cls(counts, earned)
