"""Requests and responses of the endpoints for members, invitations and ownership."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field

from chalicelib.domain.foundation.access.models import ROLE_SCOPES, Role, Scope
from chalicelib.domain.people.organisations.entrance import FoundInvitation
from chalicelib.domain.people.organisations.models import Invitation, Member
from chalicelib.http import ApiModel
from functions.people.fields import (
    OPTIONAL_CODE,
    CodeText,
    Email,
    InvitationToken,
    NewPassword,
    PersonName,
    TypedPassword,
    UserId,
)


class GivenRole(StrEnum):
    """The roles that members can give; ownership has endpoints of its own."""

    ADMIN = "admin"
    BILLING = "billing"
    DEVELOPER = "developer"
    VIEWER = "viewer"


class MemberView(ApiModel):
    """A member of the customer."""

    user_id: str = Field(examples=["usr_01J…"])
    name: str = Field(examples=["Ada Lovelace"])
    email: str = Field(examples=["ada@example.com"])
    role: Role
    since: datetime

    @classmethod
    def of(cls, member: Member) -> Self:
        """The view of `member`."""
        return cls(
            user_id=member.user.id,
            name=member.user.name,
            email=member.user.email,
            role=member.membership.role,
            since=member.membership.since,
        )


class RoleRequest(ApiModel):
    """A member's new role."""

    audited_fields: ClassVar[frozenset[str]] = frozenset({"role"})

    role: GivenRole


class MemberRemoved(ApiModel):
    """A former member of the customer."""

    user_id: str = Field(examples=["usr_01J…"])


class InvitationRequest(ApiModel):
    """The address to invite, and the role to give."""

    audited_fields: ClassVar[frozenset[str]] = frozenset({"email", "role"})

    email: Email
    role: GivenRole


class InvitationView(ApiModel):
    """An open invitation, as the customer's members see it."""

    id: str = Field(examples=["ivt_01J…"])
    email: str = Field(examples=["ada@example.com"])
    role: Role
    invited_by: str = Field(description="The person's name", examples=["Grace Hopper"])
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, invitation: Invitation) -> Self:
        """The view of `invitation`."""
        return cls(
            id=invitation.id,
            email=invitation.email,
            role=Role(invitation.role),
            invited_by=invitation.inviter_name,
            created_at=invitation.created_at,
            expires_at=invitation.expires_at,
        )


class InvitationWithdrawn(ApiModel):
    """A withdrawn invitation."""

    id: str = Field(examples=["ivt_01J…"])


class FoundInvitationView(ApiModel):
    """An invitation, as the holder of its token sees it."""

    customer_name: str = Field(examples=["Acme Marketing"])
    invited_by: str = Field(examples=["Grace Hopper"])
    email: str = Field(description="The address that was invited", examples=["ada@example.com"])
    role: Role
    has_account: bool = Field(description="true: sign in with that address; false: choose a name and password")
    expires_at: datetime

    @classmethod
    def of(cls, found: FoundInvitation) -> Self:
        """The view of `found`."""
        invitation = found.invitation
        return cls(
            customer_name=invitation.place_name,
            invited_by=invitation.inviter_name,
            email=invitation.email,
            role=Role(invitation.role),
            has_account=found.has_account,
            expires_at=invitation.expires_at,
        )


class NewAccount(ApiModel):
    """The name and password of a new account."""

    name: PersonName
    password: NewPassword


class AcceptRequest(ApiModel):
    """The token that was mailed."""

    token: InvitationToken
    new_account: NewAccount | None = Field(
        default=None, description="For a person without an account; others sign in first"
    )


class TokenRequest(ApiModel):
    """The token that was mailed."""

    token: InvitationToken


class JoinedView(ApiModel):
    """The new membership."""

    customer_id: str = Field(examples=["cus_01J…"])
    customer_name: str = Field(examples=["Acme Marketing"])
    role: Role

    @classmethod
    def of(cls, invitation: Invitation) -> Self:
        """The membership that `invitation` gave."""
        return cls(
            customer_id=invitation.place_id, customer_name=invitation.place_name, role=Role(invitation.role)
        )


class OwnershipRequest(ApiModel):
    """The member to whom ownership is offered."""

    audited_fields: ClassVar[frozenset[str]] = frozenset({"user_id"})

    user_id: UserId
    password: TypedPassword
    code: CodeText | None = Field(default=None, repr=False, description=OPTIONAL_CODE)


class OwnershipOfferView(ApiModel):
    """An offer of ownership that waits for an answer."""

    id: str = Field(examples=["ivt_01J…"])
    email: str = Field(description="Of the member to whom ownership is offered", examples=["ada@example.com"])
    offered_by: str = Field(examples=["Grace Hopper"])
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, invitation: Invitation) -> Self:
        """The view of `invitation`."""
        return cls(
            id=invitation.id,
            email=invitation.email,
            offered_by=invitation.inviter_name,
            created_at=invitation.created_at,
            expires_at=invitation.expires_at,
        )


class RoleView(ApiModel):
    """A role and its scopes."""

    role: Role
    scopes: list[Scope]

    @classmethod
    def of(cls, role: Role) -> Self:
        """The view of `role`."""
        return cls(role=role, scopes=sorted(ROLE_SCOPES[role]))
