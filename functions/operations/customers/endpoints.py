"""Endpoints for staff about customers."""

from functools import partial

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http import HASHING_MEMORY_MB, Caller, Listing, Reply, endpoint
from chalicelib.kernel.errors import Conflict
from chalicelib.wiring.app import app
from functions.money.balance.schemas import CustomerId
from functions.operations.customers.schemas import (
    CustomerChangeBody,
    CustomerFileView,
    CustomersQuery,
    CustomerSummary,
    NewCustomerBody,
)


@endpoint("GET", "/v1/admin/customers", scope=Scope.STAFF_CUSTOMERS_READ)
def search_customers(query: CustomersQuery, caller: Caller) -> Listing[CustomerSummary]:
    """List customers, newest first, or find them by beginnings of words; changes appear within moments."""
    read = partial(app().operations.directory.find, search=query.search or "", status=query.status)
    return query.listing(read, CustomerSummary.of)


@endpoint(
    "POST",
    "/v1/admin/customers",
    status=201,
    scope=Scope.STAFF_CUSTOMERS_WRITE,
    errors=(Conflict,),
    memory_mb=HASHING_MEMORY_MB,
)
def open_customer(request: NewCustomerBody, caller: Caller) -> Reply[CustomerFileView]:
    """Open a customer for a person without an account, who gets a mail and then chooses a password."""
    customer = app().operations.customer_opening.open(request.wanted())
    return Reply(CustomerFileView.of(app().operations.customer_files.read(customer.id)), concerns=customer.id)


@endpoint("GET", "/v1/admin/customers/{customerId}", scope=Scope.STAFF_CUSTOMERS_READ, audited=True)
def inspect_customer(customer_id: CustomerId, caller: Caller) -> CustomerFileView:
    """Show everything about a customer; the customer's activity log says that support looked."""
    return CustomerFileView.of(app().operations.customer_files.read(customer_id))


@endpoint("PATCH", "/v1/admin/customers/{customerId}", scope=Scope.STAFF_CUSTOMERS_WRITE, errors=(Conflict,))
def change_customer(customer_id: CustomerId, request: CustomerChangeBody, caller: Caller) -> CustomerFileView:
    """Change a customer's name, company, deployment limit or status, or the staff's own notes about it.

    Blocking takes effect at once, and the customer's members get a mail with the reason.
    """
    return CustomerFileView.of(app().operations.customer_desk.change(customer_id, request.wanted()))
