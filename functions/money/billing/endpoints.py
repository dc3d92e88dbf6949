"""Endpoints for invoices, credit notes and billing profiles."""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.foundation.approvals.models import Approval
from chalicelib.domain.money.credit_notes.corrections import Correction
from chalicelib.http import Caller, Listing, PageQuery, StaffChange, endpoint
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.money import parse_amount
from chalicelib.runtime.grants import KEEP_DOCUMENTS
from chalicelib.wiring.app import app
from functions.foundation.approvals.schemas import ApprovalView
from functions.money.balance.schemas import CustomerId
from functions.money.billing.schemas import (
    BillingProfileBody,
    BillingProfileView,
    CreditNoteAnswer,
    CreditNoteBody,
    CreditNoteDetails,
    CreditNoteId,
    CreditNoteSummaryView,
    CreditNoteView,
    InvoiceId,
    InvoiceSummaryView,
    InvoiceView,
)


@endpoint("GET", "/account/billing-profile", scope=Scope.BILLING_PROFILE_READ)
def get_billing_profile(caller: Caller) -> BillingProfileView:
    """Show the name and address that your invoices are issued to."""
    return BillingProfileView.of(app().money.billing_profiles.get(caller.customer_id))


@endpoint("PUT", "/account/billing-profile", scope=Scope.BILLING_PROFILE_WRITE)
def put_billing_profile(request: BillingProfileBody, caller: Caller) -> BillingProfileView:
    """Set the name and address for your future invoices; issued invoices do not change."""
    return BillingProfileView.of(app().money.billing_profiles.put(request.of(caller.customer_id)))


@endpoint("GET", "/billing/invoices", scope=Scope.BILLING_READ)
def list_invoices(query: PageQuery, caller: Caller) -> Listing[InvoiceSummaryView]:
    """List your invoices, newest first: one for each month with ledger entries."""
    page = app().money.billing_documents.invoices(caller.customer_id, query.page_request())
    return Listing.of(page, InvoiceSummaryView.of)


@endpoint(
    "GET",
    "/billing/invoices/{invoiceId}",
    scope=Scope.BILLING_READ,
    grants=(KEEP_DOCUMENTS,),
    memory_mb=1024,
    timeout_seconds=28,
)
def get_invoice(invoice_id: InvoiceId, caller: Caller) -> InvoiceView:
    """Show an invoice with each machine and day, and a link to its PDF."""
    documents = app().money.billing_documents
    invoice = documents.invoice(caller.customer_id, invoice_id)
    return InvoiceView.of(invoice, documents.pdf(invoice))


@endpoint("GET", "/billing/credit-notes", scope=Scope.BILLING_READ)
def list_credit_notes(query: PageQuery, caller: Caller) -> Listing[CreditNoteSummaryView]:
    """List your credit notes, newest first."""
    page = app().money.billing_documents.credit_notes(caller.customer_id, query.page_request())
    return Listing.of(page, CreditNoteSummaryView.of)


@endpoint(
    "GET",
    "/billing/credit-notes/{creditNoteId}",
    scope=Scope.BILLING_READ,
    grants=(KEEP_DOCUMENTS,),
    memory_mb=1024,
    timeout_seconds=28,
)
def get_credit_note(credit_note_id: CreditNoteId, caller: Caller) -> CreditNoteView:
    """Show a credit note, and a link to its PDF."""
    documents = app().money.billing_documents
    note = documents.credit_note(caller.customer_id, credit_note_id)
    return CreditNoteView.linked(note, documents.pdf(note))


@endpoint(
    "POST",
    "/v1/admin/customers/{customerId}/invoices",
    status=201,
    scope=Scope.STAFF_CREDITS_WRITE,
    idempotent=True,
    errors=(Conflict,),
    timeout_seconds=28,
)
def create_invoice(customer_id: CustomerId, request: StaffChange, caller: Caller) -> InvoiceSummaryView:
    """Invoice everything that is on no invoice yet, for example when an account is closed. A schedule does this
    monthly.
    """
    app().money.ledger.balance(customer_id)
    return InvoiceSummaryView.issued(app().money.invoicing.issue_now(customer_id))


@endpoint(
    "POST",
    "/v1/admin/customers/{customerId}/invoices/{invoiceId}/credit-notes",
    status=201,
    scope=Scope.STAFF_CREDITS_WRITE,
    idempotent=True,
)
def create_credit_note(
    customer_id: CustomerId, invoice_id: InvoiceId, request: CreditNoteBody, caller: Caller
) -> CreditNoteAnswer:
    """Correct an invoice: give part of it back to the balance, with a credit note.

    Above the limit, a second member of staff must approve it first.
    """
    amount_micros = parse_amount(request.amount)
    correction = Correction(customer_id, invoice_id, amount_micros, request.reason, caller.user_id)
    made = app().money.corrections.correct(correction, caller.effect_key)
    if isinstance(made, Approval):
        asked = ApprovalView.of(made, app().core.clock.now())
        return CreditNoteAnswer(credit_note=None, approval=asked)
    return CreditNoteAnswer(credit_note=CreditNoteDetails.of(made), approval=None)
