"""Referrals: one customer (the referrer) brought another (the referred customer)."""

from collections.abc import Iterable
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.money.top_ups.models import DISPUTABLE, TopUp
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.money import MICROS_PER_UNIT

REWARD_MICROS = 10 * MICROS_PER_UNIT
"""The reward for each of the two."""
MIN_TOP_UP_MICROS = 25 * MICROS_PER_UNIT
"""The least single payment that earns the reward; what was refunded does not count."""
REDEEMABLE_FOR = timedelta(days=30)
"""How long after registering a code can be redeemed."""
WAITS_FOR = timedelta(days=90)
"""How long after redeeming the first payment can earn the reward."""
MAX_REWARDS = 50
"""The most rewards for one referrer."""
_CHECKED_EVERY = timedelta(days=1)


class Side(StrEnum):
    """The role of a customer in a referral."""

    REFERRER = "referrer"
    REFERRED = "referred"


class ReferralStatus(StrEnum):
    """The status of a referral."""

    WAITING = "WAITING"
    """Redeemed, and waiting for the first payment of at least `MIN_TOP_UP_MICROS`."""
    REWARDED = "REWARDED"
    """Both customers have their reward. It can still be taken back while `check_at` is set."""
    REFUSED = "REFUSED"
    TAKEN_BACK = "TAKEN_BACK"
    """The payment was returned, and the rewards were taken back."""


class RewardReason(StrEnum):
    """Why there is no reward, or why it was taken back."""

    SAME_PAYER = "same_payment_method"
    """The other customer uses the same card or account, or that card or account has earned a reward before."""
    SAME_PEOPLE = "same_people"
    """A user belongs to both customers."""
    NO_PAYMENT = "no_payment"
    """Nothing was paid in time."""
    LIMIT = "limit"
    """The referrer has the most rewards that are allowed."""
    NOT_ACTIVE = "not_active"
    """One of the two customers is blocked or closed."""
    PAYMENT_RETURNED = "payment_returned"
    """The payment was refunded, or a dispute about it was lost."""


@dataclass(frozen=True)
class Referral:
    """One customer that another has brought."""

    id: str
    referrer_id: str
    referred_id: str
    redeemed_by: str
    redeemed_at: datetime
    status: ReferralStatus = ReferralStatus.WAITING
    reason: RewardReason | None = None
    reward_micros: int = REWARD_MICROS
    """The reward for each of the two."""
    top_up_id: str = ""
    """The payment that earned the reward."""
    decided_at: datetime | None = None
    check_at: datetime | None = None
    """When to check the referral again, in case an event was lost; None if nothing more is expected."""
    version: int = 0

    def side_of(self, customer_id: str) -> Side:
        """The role of this customer in the referral."""
        return Side.REFERRER if customer_id == self.referrer_id else Side.REFERRED

    @property
    def is_revocable(self) -> bool:
        """Whether rewards were given that may still be taken back."""
        return self.status is ReferralStatus.REWARDED and self.check_at is not None

    def waiting(self, now: datetime) -> "Referral":
        """The referral if it still waits at `now`; refused if it has waited too long."""
        if now - self.redeemed_at >= WAITS_FOR:
            return self.refused(RewardReason.NO_PAYMENT, now)
        return replace(self, check_at=now + _CHECKED_EVERY, version=self.version + 1)

    def refused(self, reason: RewardReason, now: datetime, top_up_id: str = "") -> "Referral":
        """The referral, finally refused."""
        return self._decided(ReferralStatus.REFUSED, now, reason=reason, top_up_id=top_up_id, check_at=None)

    def rewarded(self, top_up_id: str, now: datetime) -> "Referral":
        """The referral after both customers got the reward."""
        return self._decided(ReferralStatus.REWARDED, now, top_up_id=top_up_id, check_at=now + _CHECKED_EVERY)

    def watched(self, top_up: TopUp, now: datetime) -> "Referral":
        """The referral after a check at `now`. Checks continue while the payment is, or can be, disputed."""
        is_over = now - top_up.created_at >= DISPUTABLE and top_up.disputed_micros == 0
        return replace(self, check_at=None if is_over else now + _CHECKED_EVERY, version=self.version + 1)

    def taken_back(self, now: datetime) -> "Referral":
        """The referral after the rewards were taken back."""
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
    """Whether `top_up` earns a reward: it is large enough, and neither returned nor disputed."""
    return _stays(top_up) and top_up.disputed_micros == 0


def was_returned(top_up: TopUp) -> bool:
    """Whether too little of `top_up` is left for a reward. An open dispute does not count as returned."""
    return not _stays(top_up)


def _stays(top_up: TopUp) -> bool:
    lost = any(
        name.startswith("dispute:")
        and name.endswith(":lost")
        and f"{name.removesuffix(':lost')}:won" not in top_up.booked
        for name in top_up.booked
    )
    return not lost and top_up.credited_micros - top_up.refunded_micros >= MIN_TOP_UP_MICROS


@dataclass(frozen=True)
class Traces:
    """Data that shows whether two customers are the same people: users, networks, billing address."""

    users: frozenset[str]
    networks: frozenset[str]
    """The IPv4 addresses and IPv6 networks of their first days."""
    address: str = ""
    """The billing address in one line, normalized; empty if there is none."""

    def with_network(self, network: str) -> "Traces":
        """The same traces with one more network."""
        return replace(self, networks=self.networks | {network})

    def lives_with(self, other: "Traces") -> bool:
        """Whether the two customers share a network or a billing address."""
        return bool(self.networks & other.networks) or bool(self.address and self.address == other.address)


@dataclass(frozen=True)
class Stats:
    """The results of a customer's code."""

    counts: dict[ReferralStatus, int] = field(default_factory=dict)
    earned_micros: int = 0

    @classmethod
    def of(cls, referrals: Iterable[Referral]) -> "Stats":
        """The results of these referrals, of which the customer is the referrer."""
        counts = dict.fromkeys(ReferralStatus, 0)
        earned = 0
        for referral in referrals:
            counts[referral.status] += 1
            earned += referral.reward_micros if referral.status is ReferralStatus.REWARDED else 0
        return cls(counts, earned)
