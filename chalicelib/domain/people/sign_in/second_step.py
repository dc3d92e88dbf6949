"""The second step of a sign-in: the code."""

from collections.abc import Sequence

from chalicelib.domain.people.accounts.models import Origin, User
from chalicelib.domain.people.accounts.ports import Users
from chalicelib.domain.people.accounts.security_log import SecurityLog
from chalicelib.domain.people.attempts.attempts import Attempts
from chalicelib.domain.people.second_factor.errors import InvalidTwoFactorCode
from chalicelib.domain.people.second_factor.models import UsedRecoveryCode
from chalicelib.domain.people.second_factor.ports import PendingSignIns, SecondFactors
from chalicelib.domain.people.second_factor.two_factor import CodeCheck
from chalicelib.domain.people.sessions.models import SessionTokens
from chalicelib.domain.people.sign_in.opening import SessionOpener
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Unauthorized
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.transactions import ConditionFailed, Write

_NOT_PENDING = "This sign-in has ended; begin again with your password."


class SecondStep:
    """Finishes sign-ins that wait for a code."""

    def __init__(
        self,
        *,
        pending: PendingSignIns,
        users: Users,
        factors: SecondFactors,
        code_check: CodeCheck,
        opener: SessionOpener,
        attempts: Attempts,
        log: SecurityLog,
        clock: Clock,
    ) -> None:
        self._pending = pending
        self._users = users
        self._factors = factors
        self._code_check = code_check
        self._opener = opener
        self._attempts = attempts
        self._log = log
        self._clock = clock

    def finish(self, pending_token: str, code: str, origin: Origin) -> SessionTokens:
        """Open the session of the pending sign-in, with a code of the app or a recovery code.

        Raises:
            InvalidTwoFactorCode: the code is wrong, or was used.
            Unauthorized: the sign-in is finished, expired or out of attempts, or the password was changed since.
            RateLimited: too many attempts, from this IP address or for this account.
        """
        waiting = self._pending.get(hash_of(pending_token))
        if waiting is None:
            raise Unauthorized(_NOT_PENDING)
        self._attempts.second_factor(waiting.user_id, origin.ip)
        pending = self._pending.try_code(waiting.token_hash, self._clock.now())
        user, factor = self._users.get(waiting.user_id), self._factors.get(waiting.user_id)
        if pending is None or user is None or factor is None or not factor.is_on:
            raise Unauthorized(_NOT_PENDING)
        if user.password_version != pending.password_version:
            raise Unauthorized(_NOT_PENDING)
        try:
            proof = self._code_check.proof(factor, code)
            used_up = [
                self._pending.finish(pending),
                self._users.same_password(user),
                self._attempts.code_succeeded(user.id),
            ]
            tokens = self._open(user, origin, used_up, self._factors.use(factor, proof))
        except InvalidTwoFactorCode as refusal:
            self._note(user, origin, "login", refusal=refusal.code)
            raise
        if isinstance(proof, UsedRecoveryCode):
            self._note(user, origin, "use_recovery_code")
        return tokens

    def _open(self, user: User, origin: Origin, used_up: Sequence[Write], second_factor: Write) -> SessionTokens:
        try:
            return self._opener.open(user, origin, used_up, second_factor=second_factor)
        except ConditionFailed as failed:
            if "sign_in_is_pending" not in failed.asserts and "code_is_unused" in failed.asserts:
                raise InvalidTwoFactorCode() from failed
            raise Unauthorized(_NOT_PENDING) from failed

    def _note(self, user: User, origin: Origin, action: str, *, refusal: str = "") -> None:
        for membership in self._users.memberships(user.id):
            self._log.note(user.id, membership.customer_id, origin, action, refusal=refusal)
