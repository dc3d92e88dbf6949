"""Responses of the endpoint for the signed-in user."""

from datetime import datetime
from typing import Self

from pydantic import Field

from chalicelib.domain.cloud.suspension.models import Watch
from chalicelib.domain.foundation.access.models import Role, StaffRole
from chalicelib.domain.people.accounts.models import Membership, Profile, User
from chalicelib.http import ApiModel
from functions.money.balance.schemas import SpendCapStopView, SuspensionView


class UserView(ApiModel):
    """A person."""

    id: str = Field(examples=["usr_01J…"])
    email: str = Field(examples=["ada@example.com"])
    name: str = Field(examples=["Ada Lovelace"])
    is_email_verified: bool
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> Self:
        """The view of `user`."""
        return cls(
            id=user.id,
            email=user.email,
            name=user.name,
            is_email_verified=user.is_verified,
            created_at=user.created_at,
        )


class MembershipView(ApiModel):
    """A customer, and the user's role in it."""

    id: str = Field(description="Of the customer", examples=["cus_01J…"])
    name: str = Field(examples=["Ada Lovelace"])
    role: Role
    since: datetime

    @classmethod
    def of(cls, membership: Membership) -> Self:
        """The view of `membership`."""
        return cls(
            id=membership.customer_id,
            name=membership.customer_name,
            role=membership.role,
            since=membership.since,
        )


class ProfileView(ApiModel):
    """The signed-in user."""

    user: UserView
    customers: list[MembershipView]
    current_customer_id: str | None = Field(
        description="The customer that this session acts for", examples=["cus_01J…"]
    )
    suspension: SuspensionView | None = Field(description="Of that customer; null in good standing")
    spend_cap_stop: SpendCapStopView | None = Field(
        description="Of that customer; null if no spend cap keeps machines off"
    )
    staff_role: StaffRole | None = Field(description="The user's role in the operator's staff")

    @classmethod
    def of(cls, profile: Profile, customer_id: str, watch: Watch | None) -> Self:
        """The view of `profile` in a session that acts for `customer_id`, whose suspension is `watch`."""
        return cls(
            user=UserView.of(profile.user),
            customers=[MembershipView.of(membership) for membership in profile.memberships],
            current_customer_id=customer_id or None,
            suspension=SuspensionView.of(watch),
            spend_cap_stop=SpendCapStopView.of(watch),
            staff_role=profile.staff_role,
        )


class SessionStateView(ApiModel):
    """The signed-in user, if there is one."""

    session: ProfileView | None = Field(description="The signed-in user; null if nobody is signed in")
