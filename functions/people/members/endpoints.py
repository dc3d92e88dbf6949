"""Who belongs to the customer that the session acts for, and what they may do."""

from chalicelib.domain.foundation.access.models import Role, Scope
from chalicelib.http import Caller, Listing, PageQuery, endpoint
from chalicelib.kernel.errors import Conflict
from chalicelib.wiring.app import app
from functions.people.fields import UserId
from functions.people.members.schemas import MemberRemoved, MemberView, RoleRequest, RoleView
from functions.people.sign_in.schemas import Message


@endpoint("GET", "/roles")
def list_roles(caller: Caller) -> Listing[RoleView]:
    """List the roles that members have, with everything that each may do."""
    return Listing([RoleView.of(role) for role in Role])


@endpoint("GET", "/members", scope=Scope.MEMBERS_READ)
def list_members(query: PageQuery, caller: Caller) -> Listing[MemberView]:
    """List who belongs to the customer, with their roles."""
    return Listing.of(app().people.members.list(caller.customer_id, query.page_request()), MemberView.of)


@endpoint("PATCH", "/members/{userId}", scope=Scope.MEMBERS_WRITE)
def change_member_role(user_id: UserId, request: RoleRequest, caller: Caller) -> MemberView:
    """Make a member something else, at once.

    Nobody gives or takes a role that may do more than their own, and nobody changes the owner's. Keys that the
    member made and that may do more than the new role are revoked; the member is told by mail.
    """
    return MemberView.of(app().people.members.change_role(caller.principal, user_id, Role(request.role)))


@endpoint("DELETE", "/members/{userId}", scope=Scope.MEMBERS_WRITE)
def remove_member(user_id: UserId, caller: Caller) -> MemberRemoved:
    """End somebody's membership at once. The keys that they made are revoked, and they are told by mail."""
    app().people.members.remove(caller.principal, user_id)
    return MemberRemoved(user_id=user_id)


@endpoint("POST", "/members/leave", errors=(Conflict,))
def leave_customer(caller: Caller) -> Message:
    """End your own membership in the customer that this session acts for. Its owner cannot leave it.

    The session goes on with another of your customers: refresh it to get tokens that work.
    """
    app().people.members.leave(caller.customer_id, caller.user_id)
    return Message(message="You no longer belong to this customer.")
