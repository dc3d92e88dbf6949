"""The second factor by its alternative paths (docs/api-names.md)."""

from chalicelib.http import HASHING_MEMORY_MB, Caller, Reply, Visitor, endpoint
from chalicelib.http.sessions import cookies_of, origin_of, session_of
from chalicelib.kernel.errors import Conflict, Forbidden, InvalidTwoFactorCode, Unauthorized
from chalicelib.runtime.grants import OPEN_SECRETS, SEAL_SECRETS, SIGNING_KEY
from chalicelib.wiring.app import app
from functions.people.second_factor.schemas import (
    AppCodeRequest,
    DisableRequest,
    EnrolmentRequest,
    EnrolmentView,
    RecoveryCodesView,
    SecondFactorView,
    VerifiedView,
    VerifyRequest,
)
from functions.people.sign_in.schemas import Message, SessionTokensView


@endpoint("GET", "/v1/auth/2fa/status")
def get_two_factor_status(caller: Caller) -> SecondFactorView:
    """See whether your sign-ins ask for a code."""
    return SecondFactorView.of(app().people.two_factor.status(caller.user_id))


@endpoint(
    "POST",
    "/v1/auth/2fa/setup",
    errors=(Conflict, Forbidden),
    grants=(SEAL_SECRETS,),
    memory_mb=HASHING_MEMORY_MB,
)
def set_up_two_factor_v1(request: EnrolmentRequest, caller: Caller) -> EnrolmentView:
    """Get a secret for your authenticator app; the same as `POST /security/2fa/setup`."""
    enrolment = app().people.enrolments.begin(caller.user_id, request.password)
    return EnrolmentView.of(enrolment, app().foundation.qr_codes.svg(enrolment.uri))


@endpoint(
    "POST",
    "/v1/auth/2fa/verify",
    public=True,
    errors=(Unauthorized, Forbidden, Conflict, InvalidTwoFactorCode),
    grants=(SIGNING_KEY, OPEN_SECRETS),
)
def verify_two_factor_v1(request: VerifyRequest, visitor: Visitor) -> Reply[VerifiedView]:
    """Finish a sign-in that waits (with `token`), or turn the second factor on in a session (without).

    The same as `POST /auth/2fa`, and as `POST /security/2fa/confirm`.
    """
    origin = origin_of(visitor)
    if request.token is not None:
        tokens = app().people.second_step.finish(request.token, request.code, origin)
        return Reply(VerifiedView(SessionTokensView.of(tokens)), cookies=cookies_of(tokens))
    caller = session_of(visitor)
    codes = app().people.two_factor.confirm(caller.user_id, caller.session_id, request.code)
    app().people.security_log.note(caller.user_id, caller.customer_id, origin, "confirm_two_factor")
    return Reply(VerifiedView(RecoveryCodesView(recovery_codes=codes)))


@endpoint(
    "POST",
    "/v1/auth/2fa/disable",
    errors=(Conflict, Forbidden, InvalidTwoFactorCode),
    grants=(OPEN_SECRETS,),
    memory_mb=HASHING_MEMORY_MB,
)
def disable_two_factor_v1(request: DisableRequest, caller: Caller) -> Message:
    """Turn the second factor off; the same as `POST /security/2fa/disable`."""
    app().people.two_factor.disable(caller.user_id, caller.session_id, request.password, request.code)
    return Message(message="Two-factor sign-in is off.")


@endpoint("GET", "/v1/auth/2fa/backup-codes")
def get_backup_codes(caller: Caller) -> SecondFactorView:
    """See how many recovery codes you have left; the codes themselves are kept as hashes only."""
    return SecondFactorView.of(app().people.two_factor.status(caller.user_id))


@endpoint(
    "POST",
    "/v1/auth/2fa/backup-codes",
    errors=(Conflict, InvalidTwoFactorCode),
    grants=(OPEN_SECRETS,),
)
def renew_backup_codes(request: AppCodeRequest, caller: Caller) -> RecoveryCodesView:
    """Get ten new recovery codes; the same as `POST /security/2fa/recovery-codes/regen`."""
    codes = app().people.recovery_codes.renew(caller.user_id, request.code)
    return RecoveryCodesView(recovery_codes=codes)
