"""Endpoints to invite users to a customer, and to answer invitations."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.people.organisations.members import grantable_scopes
from chalicelib.http import HASHING_MEMORY_MB, Caller, Listing, PageQuery, Visitor, endpoint
from chalicelib.http.sessions import origin_of, session_of
from chalicelib.kernel.errors import Conflict, Forbidden, LimitExceeded, NotFound, Unauthorized
from chalicelib.wiring.app import app
from functions.people.fields import InvitationId, InvitationToken
from functions.people.members.schemas import (
    AcceptRequest,
    FoundInvitationView,
    InvitationRequest,
    InvitationView,
    InvitationWithdrawn,
    JoinedView,
    TokenRequest,
)
from functions.people.sign_in.schemas import Message


@endpoint("GET", "/members/invitations", scope=Scope.MEMBERS_READ)
def list_invitations(query: PageQuery, caller: Caller) -> Listing[InvitationView]:
    """List the open invitations, newest first."""
    return Listing.of(app().people.invitations.list(caller.customer_id, query.page_request()), InvitationView.of)


@endpoint(
    "POST",
    "/members/invitations",
    status=201,
    scope=Scope.MEMBERS_WRITE,
    idempotent=True,
    errors=(Conflict, LimitExceeded),
)
def invite_member(request: InvitationRequest, caller: Caller) -> InvitationView:
    """Invite a person by mail, with at most your own role. The link in the mail works once, and for seven days.

    The answer is the same whether the address has an account or not. At most 50 invitations are open at a time,
    30 are sent in an hour, and 5 an hour to one address.
    """
    scopes = grantable_scopes(caller.principal)
    invitation = app().people.invitations.invite(
        caller.customer_id, caller.user_id, scopes, request.email, request.role
    )
    return InvitationView.of(invitation)


@endpoint("POST", "/members/invitations/{invitationId}/resend", scope=Scope.MEMBERS_WRITE)
def resend_invitation(invitation_id: InvitationId, caller: Caller) -> InvitationView:
    """Send an invitation again. The new link works for seven days, and the old link stops working."""
    return InvitationView.of(app().people.invitations.send_again(caller.customer_id, invitation_id))


@endpoint("DELETE", "/members/invitations/{invitationId}", scope=Scope.MEMBERS_WRITE)
def withdraw_invitation(invitation_id: InvitationId, caller: Caller) -> InvitationWithdrawn:
    """Withdraw an invitation; its link stops working."""
    app().people.invitations.withdraw(caller.customer_id, invitation_id)
    return InvitationWithdrawn(id=invitation_id)


@endpoint("GET", "/invitations/{token}", public=True, errors=(NotFound,))
def get_invitation(token: InvitationToken, visitor: Visitor) -> FoundInvitationView:
    """Show what you are invited to, with the token that was mailed to you."""
    return FoundInvitationView.of(app().people.entrance.look_up(token, origin_of(visitor)))


@endpoint(
    "POST",
    "/invitations/accept",
    public=True,
    errors=(Conflict, Forbidden, LimitExceeded, NotFound, Unauthorized),
    memory_mb=HASHING_MEMORY_MB,
)
def accept_invitation(request: AcceptRequest, visitor: Visitor) -> JoinedView:
    """Accept an invitation, either signed in with the invited address or with a new account.

    `newAccount` registers the address; it counts as verified, because only its owner has the token.
    """
    origin, entrance = origin_of(visitor), app().people.entrance
    if request.new_account is None:
        return JoinedView.of(entrance.accept(request.token, session_of(visitor).user_id, origin))
    account = request.new_account
    return JoinedView.of(entrance.accept_as_new(request.token, account.name, account.password, origin))


@endpoint("POST", "/invitations/decline", public=True)
def decline_invitation(request: TokenRequest, visitor: Visitor) -> Message:
    """Decline an invitation; its link stops working."""
    app().people.entrance.decline(request.token, origin_of(visitor))
    return Message(message="The invitation is declined.")
