"""What `/v1/profile` takes and gives."""

from datetime import datetime
from typing import Self

from pydantic import Field

from chalicelib.domain.foundation.access.models import StaffRole
from chalicelib.domain.people.accounts.models import Profile
from chalicelib.http import ApiModel
from functions.people.fields import PersonName


class StaffProfileView(ApiModel):
    """One of the staff as they see themselves; whoever is in no staff has no role."""

    id: str = Field(examples=["usr_01J…"])
    email: str = Field(examples=["ada@hearth.example"])
    name: str = Field(examples=["Ada Lovelace"])
    role: StaffRole | None
    has_second_factor: bool = Field(
        description="whether this session was begun with one: the staff's work needs it"
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
    """What is to change; the address has its own way, which proves the new one (`/account/change-email`)."""

    name: PersonName
