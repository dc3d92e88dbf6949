"""Requests and responses of `/v1/profile`."""

from datetime import datetime
from typing import Self

from pydantic import Field

from chalicelib.domain.foundation.access.models import StaffRole
from chalicelib.domain.people.accounts.models import Profile
from chalicelib.http import ApiModel
from functions.people.fields import PersonName


class StaffProfileView(ApiModel):
    """The signed-in user; `role` is null for a user who is not in the staff."""

    id: str = Field(examples=["usr_01J…"])
    email: str = Field(examples=["ada@hearth.example"])
    name: str = Field(examples=["Ada Lovelace"])
    role: StaffRole | None
    has_second_factor: bool = Field(
        description="whether this session began with a second factor; endpoints for staff require it"
    )
    created_at: datetime

    @classmethod
    def of(cls, profile: Profile, *, has_second_factor: bool) -> Self:
        """The view of `profile` in a session that was, or was not, begun with a second factor."""
        return cls(
            id=profile.user.id,
            email=profile.user.email,
            name=profile.user.name,
            role=profile.staff_role,
            has_second_factor=has_second_factor,
            created_at=profile.user.created_at,
        )


class StaffProfileBody(ApiModel):
    """The new name; `/account/change-email` changes the e-mail address."""

    name: PersonName
