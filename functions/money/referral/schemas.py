"""Requests and responses of the referral endpoints."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from chalicelib.domain.money.referral.codes import shown
from chalicelib.domain.money.referral.models import (
    MIN_TOP_UP_MICROS,
    REWARD_MICROS,
    Referral,
    ReferralStatus,
    RewardReason,
    Side,
)
from chalicelib.domain.money.referral.service import Overview
from chalicelib.http import ApiModel, Money


class RedeemBody(ApiModel):
    """The referral code of another customer."""

    code: Annotated[str, StringConstraints(min_length=10, max_length=20, pattern=r"^[0-9A-Za-z -]+$")] = Field(
        description="in any case, with or without its hyphen", examples=["K7M2Q-4TXW9"]
    )


class RewardView(ApiModel):
    """A referral as one of its two customers sees it. It does not tell who the other customer is."""

    id: str
    side: Side = Field(description="whether you are the referrer, or were referred")
    status: ReferralStatus
    reason: RewardReason | None = Field(description="why there is no reward, or why it was taken back")
    reward: Money = Field(description="the reward for each of the two customers")
    redeemed_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, referral: Referral, customer_id: str) -> Self:
        """The view of `referral` that `customer_id` has."""
        return cls(
            id=referral.id,
            side=referral.side_of(customer_id),
            status=referral.status,
            reason=referral.reason,
            reward=Money.of(referral.reward_micros),
            redeemed_at=referral.redeemed_at,
            decided_at=referral.decided_at,
        )


class ReferralStatsView(ApiModel):
    """The number of referred customers, by status."""

    waiting: int = Field(description="customers who redeemed the code and have not paid enough yet")
    rewarded: int
    refused: int
    taken_back: int
    earned: Money


class ReferralView(ApiModel):
    """A customer's code, and the results."""

    code: str = Field(examples=["K7M2Q-4TXW9"])
    link: str = Field(description="the page where others register with the code")
    reward: Money = Field(description="the reward for you and for each customer that you refer")
    least_top_up: Money = Field(description="the least single payment of the referred customer that earns it")
    stats: ReferralStatsView
    redeemed: RewardView | None = Field(description="the code that you have redeemed yourself")

    @classmethod
    def of(cls, overview: Overview, customer_id: str, public_url: str) -> Self:
        """The view of `overview`."""
        counts, code = overview.stats.counts, shown(overview.code)
        return cls(
            code=code,
            link=f"{public_url}/register?referral={code}",
            reward=Money.of(REWARD_MICROS),
            least_top_up=Money.of(MIN_TOP_UP_MICROS),
            stats=ReferralStatsView(
                waiting=counts[ReferralStatus.WAITING],
                rewarded=counts[ReferralStatus.REWARDED],
                refused=counts[ReferralStatus.REFUSED],
                taken_back=counts[ReferralStatus.TAKEN_BACK],
                earned=Money.of(overview.stats.earned_micros),
            ),
            redeemed=RewardView.of(overview.redeemed, customer_id) if overview.redeemed else None,
        )
