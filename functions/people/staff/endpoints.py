"""Endpoints for the staff: members, invitations and their activity log."""

from functools import partial

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.people.organisations.models import STAFF
from chalicelib.http import HASHING_MEMORY_MB, Caller, Listing, StaffPageQuery, Visitor, endpoint
from chalicelib.http.sessions import origin_of, session_of
from chalicelib.kernel.errors import Conflict, Forbidden, LimitExceeded, Unauthorized
from chalicelib.wiring.app import app
from functions.people.fields import InvitationId, InvitationToken, UserId
from functions.people.sign_in.schemas import Message
from functions.people.staff.schemas import (
    AcceptInviteBody,
    AuditQuery,
    InviteView,
    ReasonQuery,
    StaffActivityView,
    StaffInvitationBody,
    StaffInvitationView,
    StaffMemberBody,
    StaffMemberView,
)


@endpoint("GET", "/v1/admin/staff", scope=Scope.STAFF_MEMBERS_READ)
def list_staff(query: StaffPageQuery, caller: Caller) -> Listing[StaffMemberView]:
    """List the staff, including disabled members."""
    return query.listing(app().people.staff_desk.list, StaffMemberView.of)


@endpoint("PATCH", "/v1/admin/staff/{userId}", scope=Scope.STAFF_MEMBERS_WRITE, errors=(Conflict,))
def change_staff_member(user_id: UserId, request: StaffMemberBody, caller: Caller) -> StaffMemberView:
    """Change the role of a staff member, or disable them, which ends their sessions; an owner must remain."""
    member = app().people.staff_desk.change(caller.user_id, user_id, role=request.role, status=request.status)
    return StaffMemberView.of(member)


@endpoint("DELETE", "/v1/admin/staff/{userId}", scope=Scope.STAFF_MEMBERS_WRITE, errors=(Conflict,))
def remove_staff_member(user_id: UserId, query: ReasonQuery, caller: Caller) -> Message:
    """Remove a member of the staff at once, and end all their sessions; an owner must remain."""
    app().people.staff_desk.remove(caller.user_id, user_id)
    return Message(message="They are not in the staff any more.")


@endpoint(
    "POST",
    "/v1/admin/staff/invite",
    status=201,
    scope=Scope.STAFF_MEMBERS_WRITE,
    errors=(Conflict, LimitExceeded),
)
def invite_staff_member(request: StaffInvitationBody, caller: Caller) -> StaffInvitationView:
    """Invite a person into the staff, by mail; the invitation works once, and for seven days."""
    invitation = app().people.staff_invitations.invite(
        STAFF, caller.user_id, caller.principal.scopes, request.email, request.role
    )
    return StaffInvitationView.of(invitation)


@endpoint("GET", "/v1/admin/staff/invitations", scope=Scope.STAFF_MEMBERS_READ)
def list_staff_invitations(query: StaffPageQuery, caller: Caller) -> Listing[StaffInvitationView]:
    """List the open invitations into the staff, newest first."""
    return query.listing(partial(app().people.staff_invitations.list, STAFF), StaffInvitationView.of)


@endpoint("DELETE", "/v1/admin/staff/invitations/{invitationId}", scope=Scope.STAFF_MEMBERS_WRITE)
def withdraw_staff_invitation(invitation_id: InvitationId, query: ReasonQuery, caller: Caller) -> Message:
    """Withdraw an open invitation into the staff."""
    app().people.staff_invitations.withdraw(STAFF, invitation_id)
    return Message(message="The invitation is void.")


@endpoint("GET", "/v1/auth/invite/{token}", public=True)
def get_invite(token: InvitationToken, visitor: Visitor) -> InviteView:
    """Show an invitation into the staff, with the token of its mail."""
    return InviteView.of(app().people.staff_entrance.look_up(token, origin_of(visitor)))


@endpoint(
    "POST",
    "/v1/auth/accept-invite",
    public=True,
    errors=(Conflict, Forbidden, LimitExceeded, Unauthorized),
    memory_mb=HASHING_MEMORY_MB,
)
def accept_invite(request: AcceptInviteBody, visitor: Visitor) -> Message:
    """Accept an invitation into the staff, with a name and a password if the address has no account yet.

    A person who has an account signs in first, and resets the password by mail if it is forgotten. The role counts
    at once; it can be used only in a session with a second factor.
    """
    accepted = app().people.staff_entrance.accept(
        request.token, request.name, request.password, lambda: session_of(visitor).user_id, origin_of(visitor)
    )
    return Message(message=f"You are {accepted.role} now. Sign in, and set up your second factor.")


@endpoint("GET", "/v1/admin/audit", scope=Scope.STAFF_MEMBERS_READ)
def list_staff_activity(query: AuditQuery, caller: Caller) -> Listing[StaffActivityView]:
    """List actions of the staff, done or denied, newest first; they are kept for 400 days."""
    read = partial(
        app().foundation.staff_log.list_staff_activities,
        actor_user_id=query.actor or "",
        target=query.target or "",
    )
    return query.listing(read, StaffActivityView.of)
