"""Endpoints for a user's own account: address, password, data export, closing.

Wrong passwords make the user wait longer and longer; these attempts are counted apart from those of sign-ins.
"""

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.domain.people.second_factor.errors import InvalidTwoFactorCode
from chalicelib.http import HASHING_MEMORY_MB, Caller, Reply, Visitor, endpoint
from chalicelib.http.sessions import ended_cookies, origin_of
from chalicelib.kernel.errors import Conflict, Forbidden, NotFound
from chalicelib.runtime.grants import GIVE_ACCOUNT_EXPORTS, OPEN_SECRETS
from chalicelib.wiring.app import app
from functions.people.accounts.schemas import (
    ChangeEmailRequest,
    ChangePasswordRequest,
    ClosedView,
    CloseRequest,
    ConfirmEmailRequest,
    DataExportView,
    ExportId,
    RevertEmailRequest,
)
from functions.people.sign_in.schemas import Message


@endpoint(
    "POST",
    "/account/change-email",
    status=202,
    errors=(Forbidden, InvalidTwoFactorCode),
    grants=(OPEN_SECRETS,),
    memory_mb=HASHING_MEMORY_MB,
)
def change_email(request: ChangeEmailRequest, caller: Caller) -> Message:
    """Change your address: the new address gets a link, and nothing changes before you confirm it.

    The answer is the same if the new address has an account already; its owner then gets a mail that says so.
    """
    app().people.email_change_request.ask(
        caller.user_id, request.new_email, request.password, request.code, origin_of(caller)
    )
    return Message(message="Read the mail that the new address gets: it says how to go on.")


@endpoint("POST", "/account/change-email/confirm", errors=(Forbidden,))
def confirm_email_change(request: ConfirmEmailRequest, caller: Caller) -> Message:
    """Confirm the new address with the mailed link, which works once and for 24 hours; your other sessions end.

    The old address gets a mail, and can undo the change for 72 hours.
    """
    app().people.email_confirmation.confirm(caller.user_id, caller.session_id, request.token, origin_of(caller))
    return Message(message="Your account has its new address; sign in with it from now on.")


@endpoint("POST", "/auth/revert-email", public=True, memory_mb=HASHING_MEMORY_MB)
def revert_email(request: RevertEmailRequest, visitor: Visitor) -> Message:
    """Undo a change of address with the link that was mailed to the old address, and choose a new password.

    The link works for 72 hours, whatever was changed meanwhile. All sessions end, and two-factor sign-in is turned
    off if it was turned on after the change.
    """
    app().people.email_reversal.revert(request.token, request.password, origin_of(visitor))
    return Message(message="Your account has its address back; sign in with your new password.")


@endpoint(
    "POST",
    "/account/change-password",
    aliases=(("POST", "/v1/profile/password"),),
    errors=(Forbidden,),
    memory_mb=HASHING_MEMORY_MB,
)
def change_password(request: ChangePasswordRequest, caller: Caller) -> Message:
    """Change your password; your other sessions end, this one continues."""
    app().people.password_change.change(
        caller.user_id, caller.session_id, request.current_password, request.new_password
    )
    return Message(message="Your password is changed; your other sessions were ended.")


@endpoint("POST", "/account/export", status=202, idempotent=True)
def request_data_export(caller: Caller) -> DataExportView:
    """Request a ZIP file of your data, and of the customer's data that you may see; once a day.

    It contains your profile, memberships and sessions; and, if your role allows it, activity, deployments,
    projects, SSH and API keys, the billing profile, the ledger, top-ups, and invoices and credit notes as JSON and
    PDF. A mail tells you when it is ready.
    """
    return DataExportView.of(app().operations.data_exports.request(caller.user_id, caller.customer_id), None)


@endpoint("GET", "/account/exports/{exportId}", errors=(NotFound,), grants=(GIVE_ACCOUNT_EXPORTS,))
def get_data_export(export_id: ExportId, caller: Caller) -> DataExportView:
    """Show the state of your export, with a link to its file for a few minutes; it is kept for seven days."""
    return DataExportView.of(*app().operations.data_exports.get(caller.user_id, export_id))


@endpoint(
    "POST",
    "/account/close",
    scope=Scope.CUSTOMER_CLOSE,
    errors=(Forbidden, InvalidTwoFactorCode, Conflict),
    grants=(OPEN_SECRETS,),
    memory_mb=HASHING_MEMORY_MB,
    timeout_seconds=28,
)
def close_account(request: CloseRequest, caller: Caller) -> Reply[ClosedView]:
    """Close the customer that you act for, for good; if you belong to no other, your account is closed too.

    It is refused while there are machines, debt, pending payments, refunds or disputes, months without an invoice,
    other members, or a balance that was neither refunded nor given up; the details name each. Personal data are
    erased within minutes; the ledger, invoices and payments are kept, as the law requires.
    """
    closing = app().operations.closings.close(request.closing_request(caller.customer_id, caller.user_id))
    return Reply(ClosedView.of(closing), cookies=ended_cookies() if closing.erases_user else ())
