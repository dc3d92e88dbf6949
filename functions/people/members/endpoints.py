"""Endpoints for the members of the customer that the request acts for."""

from chalicelib.domain.foundation.access.models import Role, Scope
from chalicelib.http import Caller, Listing, PageQuery, endpoint
from chalicelib.kernel.errors import Conflict
from chalicelib.wiring.app import app
from functions.people.fields import UserId
from functions.people.members.schemas import MemberRemoved, MemberView, RoleRequest, RoleView
from functions.people.sign_in.schemas import Message


@endpoint("GET", "/roles")
def list_roles(caller: Caller) -> Listing[RoleView]:
    """List the roles of members, with the scopes of each."""
    return Listing([RoleView.of(role) for role in Role])


@endpoint("GET", "/members", scope=Scope.MEMBERS_READ)
def list_members(query: PageQuery, caller: Caller) -> Listing[MemberView]:
    """List the members of the customer, with their roles."""
    return Listing.of(app().people.members.list(caller.customer_id, query.page_request()), MemberView.of)


@endpoint("PATCH", "/members/{userId}", scope=Scope.MEMBERS_WRITE)
def change_member_role(user_id: UserId, request: RoleRequest, caller: Caller) -> MemberView:
    """Change a member's role, at once.

    You cannot give or take a role that can do more than yours, nor change the owner's role. API keys of the member
    that can do more than the new role are revoked; the member gets a mail.
    """
    return MemberView.of(app().people.members.change_role(caller.principal, user_id, Role(request.role)))


@endpoint("DELETE", "/members/{userId}", scope=Scope.MEMBERS_WRITE)
def remove_member(user_id: UserId, caller: Caller) -> MemberRemoved:
    """End a membership at once. The member's API keys are revoked, and the member gets a mail."""
    app().people.members.remove(caller.principal, user_id)
    return MemberRemoved(user_id=user_id)


@endpoint("POST", "/members/leave", errors=(Conflict,))
def leave_customer(caller: Caller) -> Message:
    """End your own membership in the customer that this session acts for. The owner cannot leave.

    The session continues with another of your customers: refresh it to get valid tokens.
    """
    app().people.members.leave(caller.customer_id, caller.user_id)
    return Message(message="You no longer belong to this customer.")
