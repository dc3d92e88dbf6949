"""Endpoints to transfer a customer to another of its members."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.people.second_factor.errors import InvalidTwoFactorCode
from chalicelib.http import HASHING_MEMORY_MB, Caller, Listing, endpoint
from chalicelib.http.sessions import origin_of
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.runtime.grants import OPEN_SECRETS
from chalicelib.wiring.app import app
from functions.people.fields import InvitationId
from functions.people.members.schemas import (
    InvitationWithdrawn,
    JoinedView,
    OwnershipOfferView,
    OwnershipRequest,
    TokenRequest,
)


@endpoint(
    "POST",
    "/ownership-transfers",
    status=201,
    scope=Scope.CUSTOMER_CLOSE,
    errors=(Conflict, InvalidTwoFactorCode, NotFound),
    grants=(OPEN_SECRETS,),
    memory_mb=HASHING_MEMORY_MB,
)
def offer_ownership(request: OwnershipRequest, caller: Caller) -> OwnershipOfferView:
    """Offer a member, by mail, to become the owner in your place; an earlier offer ends.

    It requires your password, and a code if two-factor sign-in is on. Nothing changes until the member accepts,
    within seven days. Then you become an administrator.
    """
    offer = app().people.ownership.offer(
        caller.customer_id, caller.user_id, request.user_id, request.password, request.code
    )
    return OwnershipOfferView.of(offer)


@endpoint("GET", "/ownership-transfers", scope=Scope.CUSTOMER_CLOSE)
def list_ownership_offers(caller: Caller) -> Listing[OwnershipOfferView]:
    """List the open offers of ownership: at most one."""
    return Listing([OwnershipOfferView.of(offer) for offer in app().people.ownership.open(caller.customer_id)])


@endpoint("DELETE", "/ownership-transfers/{invitationId}", scope=Scope.CUSTOMER_CLOSE)
def withdraw_ownership_offer(invitation_id: InvitationId, caller: Caller) -> InvitationWithdrawn:
    """Withdraw the offer."""
    app().people.ownership.withdraw(caller.customer_id, invitation_id)
    return InvitationWithdrawn(id=invitation_id)


@endpoint("POST", "/ownership-transfers/accept", audited=False, errors=(Conflict, NotFound))
def accept_ownership(request: TokenRequest, caller: Caller) -> JoinedView:
    """Become the owner, with the token that was mailed to you; the old owner becomes an administrator.

    The activity log of that customer records it, even if this session acts for another one.
    """
    return JoinedView.of(app().people.ownership_entrance.accept(request.token, caller.user_id, origin_of(caller)))
