"""Requests and responses of the staff endpoints."""

from datetime import datetime
from typing import Self

from pydantic import Field, model_validator

from chalicelib.domain.foundation.access.models import StaffRole, StaffStatus
from chalicelib.domain.foundation.activity.models import Activity, Outcome
from chalicelib.domain.people.accounts.emails import MAX_EMAIL_LENGTH
from chalicelib.domain.people.organisations.entrance import FoundInvitation
from chalicelib.domain.people.organisations.models import Invitation
from chalicelib.domain.people.staff.models import StaffMember
from chalicelib.http import ApiModel, StaffChange, StaffPageQuery
from chalicelib.http.models import Reason
from chalicelib.kernel.ids import Kind, pattern
from functions.people.fields import Email, InvitationToken, PasswordText, PersonName


class StaffMemberView(ApiModel):
    """A member of the staff."""

    user_id: str = Field(examples=["usr_01J…"])
    email: str = Field(examples=["ada@hearth.example"])
    name: str = Field(examples=["Ada Lovelace"])
    role: StaffRole
    status: StaffStatus
    since: datetime

    @classmethod
    def of(cls, member: StaffMember) -> Self:
        """The view of `member`."""
        return cls(
            user_id=member.user.id,
            email=member.user.email,
            name=member.user.name,
            role=member.membership.role,
            status=member.membership.status,
            since=member.membership.since,
        )


class StaffMemberBody(StaffChange):
    """A new role or status of a staff member; at least one of both."""

    audited_fields = frozenset({"role", "status"})

    role: StaffRole | None = None
    status: StaffStatus | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.role is None and self.status is None:
            raise ValueError("give a role or a status")
        return self


class ReasonQuery(ApiModel):
    """The reason, for requests without a body."""

    reason: Reason


class StaffInvitationBody(StaffChange):
    """The address to invite into the staff, and the role to give."""

    audited_fields = frozenset({"email", "role"})

    email: Email
    role: StaffRole


class StaffInvitationView(ApiModel):
    """An open invitation into the staff."""

    id: str = Field(examples=["ivt_01J…"])
    email: str
    role: StaffRole
    invited_by: str = Field(description="a user's id")
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, invitation: Invitation) -> Self:
        """The view of `invitation`."""
        return cls(
            id=invitation.id,
            email=invitation.email,
            role=StaffRole(invitation.role),
            invited_by=invitation.inviter_id,
            created_at=invitation.created_at,
            expires_at=invitation.expires_at,
        )


class InviteView(ApiModel):
    """An invitation, as the holder of its token sees it."""

    email: str = Field(max_length=MAX_EMAIL_LENGTH)
    role: StaffRole
    invited_by: str = Field(description="a name")
    expires_at: datetime
    has_account: bool = Field(description="whether the address has an account; then send no name or password")

    @classmethod
    def of(cls, found: FoundInvitation) -> Self:
        """The view of `found`."""
        return cls(
            email=found.invitation.email,
            role=StaffRole(found.invitation.role),
            invited_by=found.invitation.inviter_name,
            expires_at=found.invitation.expires_at,
            has_account=found.has_account,
        )


class AcceptInviteBody(ApiModel):
    """The token of the mail; name and password if the address has no account."""

    token: InvitationToken
    name: PersonName | None = None
    password: PasswordText | None = Field(
        default=None, repr=False, description="chosen here", examples=["correct horse battery staple"]
    )


class AuditQuery(StaffPageQuery):
    """Selects lines of the staff's activity log."""

    actor: str | None = Field(default=None, pattern=pattern(Kind.USER), description="only actions of this user")
    target: str | None = Field(
        default=None, min_length=1, max_length=320, description="only actions on this id or e-mail address"
    )


class StaffActivityView(ApiModel):
    """An action of a staff member, done or denied."""

    id: str = Field(examples=["act_01J…"])
    at: datetime
    actor: str = Field(description="a user's id", examples=["usr_01J…"])
    action: str = Field(description="The operation's id in this document", examples=["change_staff_member"])
    outcome: Outcome
    code: str | None = Field(description="The error code of a denial")
    reason: str | None
    targets: dict[str, str] = Field(description="What the action changed, and the values that it set")
    customer_id: str | None = Field(description="The customer whose activity log has it too")
    ip: str | None
    request_id: str | None

    @classmethod
    def of(cls, activity: Activity) -> Self:
        """The staff's view of `activity`."""
        return cls(
            id=activity.id,
            at=activity.at,
            actor=activity.actor_user_id,
            action=activity.action,
            outcome=activity.outcome,
            code=activity.code or None,
            reason=activity.reason or None,
            targets=dict(activity.targets),
            customer_id=activity.customer_id or None,
            ip=activity.ip or None,
            request_id=activity.request_id or None,
        )
