"""The second-factor endpoints by their alternative paths (docs/api-names.md)."""

from chalicelib.domain.people.second_factor.errors import InvalidTwoFactorCode
from chalicelib.http import Caller, Reply, Visitor, endpoint
from chalicelib.http.sessions import cookies_of, origin_of, session_of
from chalicelib.kernel.errors import Conflict, Forbidden, Unauthorized
from chalicelib.runtime.grants import OPEN_SECRETS, SIGNING_KEY
from chalicelib.wiring.app import app
from functions.people.second_factor.schemas import (
    RecoveryCodesView,
    SecondFactorView,
    VerifiedView,
    VerifyRequest,
)
from functions.people.sign_in.schemas import SessionTokensView


@endpoint("GET", "/v1/auth/2fa/status", aliases=(("GET", "/v1/auth/2fa/backup-codes"),))
def get_two_factor_status(caller: Caller) -> SecondFactorView:
    """Show whether your sign-ins require a code, and how many recovery codes you have left.

    Only hashes of the codes are stored.
    """
    return SecondFactorView.of(app().people.two_factor.status(caller.user_id))


@endpoint(
    "POST",
    "/v1/auth/2fa/verify",
    public=True,
    errors=(Unauthorized, Forbidden, Conflict, InvalidTwoFactorCode),
    grants=(SIGNING_KEY, OPEN_SECRETS),
)
def verify_two_factor_v1(request: VerifyRequest, visitor: Visitor) -> Reply[VerifiedView]:
    """Finish a sign-in that waits for a code (with `token`), or turn on the second factor in a session (without).

    The first is the same as `POST /auth/2fa`, the second as `POST /security/2fa/confirm`.
    """
    origin = origin_of(visitor)
    if request.token is not None:
        tokens = app().people.second_step.finish(request.token, request.code, origin)
        return Reply(VerifiedView(SessionTokensView.of(tokens)), cookies=cookies_of(tokens))
    caller = session_of(visitor)
    codes = app().people.two_factor.confirm(caller.user_id, caller.session_id, request.code)
    app().people.security_log.note(caller.user_id, caller.customer_id, origin, "confirm_two_factor")
    return Reply(VerifiedView(RecoveryCodesView(recovery_codes=codes)))
