"""A person's own account: its address, its password, its end.

What asks for the password has a growing delay after wrong attempts, apart from that of sign-ins.
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
    """Ask to move your account to another address, which gets a link; nothing changes before it is confirmed.

    The answer is the same where the address has an account already; its owner then gets a mail that says so.
    """
    app().people.email_change_request.ask(
        caller.user_id, request.new_email, request.password, request.code, origin_of(caller)
    )
    return Message(message="Read the mail that the new address gets: it says how to go on.")


@endpoint("POST", "/account/change-email/confirm", errors=(Forbidden,))
def confirm_email_change(request: ConfirmEmailRequest, caller: Caller) -> Message:
    """Follow the link that the new address got, which works once and for 24 hours; ends your other sessions.

    The address before is told, and can undo the change for 72 hours.
    """
    app().people.email_confirmation.confirm(caller.user_id, caller.session_id, request.token, origin_of(caller))
    return Message(message="Your account has its new address; sign in with it from now on.")


@endpoint("POST", "/auth/revert-email", public=True, memory_mb=HASHING_MEMORY_MB)
def revert_email(request: RevertEmailRequest, visitor: Visitor) -> Message:
    """Undo a change of address through the link that the address before got, and choose a new password.

    It works for 72 hours, whatever was changed meanwhile; all sessions end, and two-factor sign-in that was
    turned on after the change is off again.
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
    """Choose another password; your other sessions end, this one goes on."""
    app().people.password_change.change(
        caller.user_id, caller.session_id, request.current_password, request.new_password
    )
    return Message(message="Your password is changed; your other sessions were ended.")


@endpoint("POST", "/account/export", status=202, idempotent=True)
def request_data_export(caller: Caller) -> DataExportView:
    """Ask for a ZIP of your data, and of what you may see of the customer that you act for; once a day.

    It has your profile, memberships and sessions; and, as your role allows, activity, deployments, projects, SSH
    and API keys, the billing profile, the ledger, top-ups, and invoices and credit notes as JSON and PDF. A mail
    says when it is ready.
    """
    return DataExportView.of(app().operations.data_exports.request(caller.user_id, caller.customer_id), None)


@endpoint("GET", "/account/exports/{exportId}", errors=(NotFound,), grants=(GIVE_ACCOUNT_EXPORTS,))
def get_data_export(export_id: ExportId, caller: Caller) -> DataExportView:
    """See how far an export of yours is, and where its file can be got, for a few minutes; kept for seven days."""
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
    """Close the customer that you act for, for good, and yourself with it if you belong to nothing else.

    Refused while there are machines, debt, pending payments, refunds or disputes, months without their invoice,
    other members, or a balance that you neither had refunded nor give up: the details name each. Personal data are
    erased within minutes; the ledger, invoices and payments are kept, as the law asks.
    """
    closing = app().operations.closings.close(request.wish(caller.customer_id, caller.user_id))
    return Reply(ClosedView.of(closing), cookies=ended_cookies() if closing.erases_user else ())
