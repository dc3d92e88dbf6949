"""Endpoints for the second factor: an authenticator app, and ten recovery codes in case it is lost.

Wrong passwords and codes make the user wait longer and longer; these attempts are counted apart from those of
sign-ins.
"""

from chalicelib.domain.people.second_factor.errors import InvalidTwoFactorCode
from chalicelib.http import HASHING_MEMORY_MB, Caller, endpoint
from chalicelib.kernel.errors import Conflict, Forbidden
from chalicelib.runtime.grants import OPEN_SECRETS, SEAL_SECRETS
from chalicelib.wiring.app import app
from functions.people.second_factor.schemas import (
    AppCodeRequest,
    DisableRequest,
    EnrolmentRequest,
    EnrolmentView,
    RecoveryCodesView,
)
from functions.people.sign_in.schemas import Message


@endpoint(
    "POST",
    "/security/2fa/setup",
    aliases=(("POST", "/v1/auth/2fa/setup"),),
    errors=(Conflict, Forbidden),
    grants=(SEAL_SECRETS,),
    memory_mb=HASHING_MEMORY_MB,
)
def set_up_two_factor(request: EnrolmentRequest, caller: Caller) -> EnrolmentView:
    """Get a secret for your authenticator app, with your password; nothing changes until a code confirms it."""
    enrolment = app().people.enrolments.begin(caller.user_id, request.password)
    return EnrolmentView.of(enrolment, app().foundation.qr_codes.svg(enrolment.uri))


@endpoint("POST", "/security/2fa/confirm", errors=(Conflict, InvalidTwoFactorCode), grants=(OPEN_SECRETS,))
def confirm_two_factor(request: AppCodeRequest, caller: Caller) -> RecoveryCodesView:
    """Turn on the second factor with a code, end your other sessions, and get ten recovery codes."""
    codes = app().people.two_factor.confirm(caller.user_id, caller.session_id, request.code)
    return RecoveryCodesView(recovery_codes=codes)


@endpoint(
    "POST",
    "/security/2fa/disable",
    aliases=(("POST", "/v1/auth/2fa/disable"),),
    errors=(Conflict, Forbidden, InvalidTwoFactorCode),
    grants=(OPEN_SECRETS,),
    memory_mb=HASHING_MEMORY_MB,
)
def disable_two_factor(request: DisableRequest, caller: Caller) -> Message:
    """Turn off the second factor, with your password and a code or recovery code; your other sessions end."""
    app().people.two_factor.disable(caller.user_id, caller.session_id, request.password, request.code)
    return Message(message="Two-factor sign-in is off.")


@endpoint(
    "POST",
    "/security/2fa/recovery-codes/regen",
    aliases=(("POST", "/v1/auth/2fa/backup-codes"),),
    errors=(Conflict, InvalidTwoFactorCode),
    grants=(OPEN_SECRETS,),
)
def renew_recovery_codes(request: AppCodeRequest, caller: Caller) -> RecoveryCodesView:
    """Get ten new recovery codes, with a code of the app; the old recovery codes stop working."""
    codes = app().people.recovery_codes.renew(caller.user_id, request.code)
    return RecoveryCodesView(recovery_codes=codes)
