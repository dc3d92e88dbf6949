"""Endpoints for the customers of a user."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http import Caller, Listing, Reply, endpoint
from chalicelib.http.sessions import access_cookie
from chalicelib.kernel.errors import LimitExceeded, NotFound
from chalicelib.runtime.grants import SIGNING_KEY
from chalicelib.wiring.app import app
from functions.people.me.schemas import MembershipView
from functions.people.organisations.schemas import CustomerId, CustomerRequest, CustomerView, SwitchRequest
from functions.people.sign_in.schemas import SessionAccessView


@endpoint("GET", "/customers")
def list_customers(caller: Caller) -> Listing[MembershipView]:
    """List the customers that you belong to, oldest first, with your role in each; there are at most 50."""
    return Listing([MembershipView.of(one) for one in app().people.organisations.mine(caller.user_id)])


@endpoint("POST", "/customers", status=201, idempotent=True, errors=(LimitExceeded,))
def create_customer(request: CustomerRequest, caller: Caller) -> MembershipView:
    """Create another customer that you own, with a balance of its own; you can own at most 20."""
    return MembershipView.of(app().people.organisations.create(caller.user_id, request.name))


@endpoint("GET", "/customers/{customerId}", scope=Scope.CUSTOMER_READ)
def get_customer(customer_id: CustomerId, caller: Caller) -> CustomerView:
    """Show the customer that this request acts for; `X-Customer-Id` names another one of yours."""
    return CustomerView.of(app().people.organisations.get(_same(customer_id, caller)))


@endpoint("PATCH", "/customers/{customerId}", scope=Scope.CUSTOMER_WRITE)
def rename_customer(customer_id: CustomerId, request: CustomerRequest, caller: Caller) -> CustomerView:
    """Rename the customer that this request acts for."""
    return CustomerView.of(app().people.organisations.rename(_same(customer_id, caller), request.name))


@endpoint("POST", "/sessions/current/customer", errors=(NotFound,), grants=(SIGNING_KEY,))
def switch_customer(request: SwitchRequest, caller: Caller) -> Reply[SessionAccessView]:
    """Make this session act for another of your customers.

    Its earlier access tokens are refused; the refresh token stays valid. For single requests, use `X-Customer-Id`
    instead.
    """
    access = app().people.organisations.switch(caller.principal, request.customer_id)
    return Reply(SessionAccessView.of_access(access), cookies=(access_cookie(access),))


def _same(customer_id: str, caller: Caller) -> str:
    """Return `customer_id`; raise NotFound if the request acts for another, where the scopes hold."""
    if customer_id != caller.customer_id:
        raise NotFound("This request does not act for such a customer.")
    return customer_id
