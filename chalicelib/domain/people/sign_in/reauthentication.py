"""Asks signed-in users to prove their identity again before a sensitive action, against stolen sessions."""

from collections.abc import Sequence

from chalicelib.domain.people.attempts.password_proof import PasswordProof, Proven
from chalicelib.domain.people.second_factor.errors import InvalidTwoFactorCode
from chalicelib.domain.people.second_factor.ports import SecondFactors
from chalicelib.domain.people.second_factor.two_factor import CodeCheck
from chalicelib.kernel.errors import Unauthorized
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write

_CODE_MISSING = "Two-factor sign-in is on: send a code of your app, or a recovery code, too."


class Reauthentication:
    """Asks for the password, and for a code if the second factor is on."""

    def __init__(
        self,
        password: PasswordProof,
        factors: SecondFactors,
        codes: CodeCheck,
        transactor: Transactor,
    ) -> None:
        self._password = password
        self._factors = factors
        self._codes = codes
        self._transactor = transactor

    def prove(self, user_id: str, password: str, code: str | None) -> Proven:
        """Return the user with this id if password and code are right.

        Raises:
            Forbidden: the password is wrong.
            InvalidTwoFactorCode: the code is wrong, used, or missing.
            RateLimited: too many wrong passwords or codes.
            Unauthorized: the user no longer exists.
        """
        known = self.prove_password(user_id, password)
        factor = self._factors.get(user_id)
        if factor is None or not factor.is_on:
            return Proven(known.user, [*known.writes, self._factors.is_off(user_id)])
        if code is None:
            raise InvalidTwoFactorCode(_CODE_MISSING)
        used = self._factors.use(factor, self._codes.proof(factor, code))
        return Proven(known.user, [*known.writes, used])

    def prove_password(self, user_id: str, password: str) -> Proven:
        """Like `prove`, with the password alone."""
        return self._password.prove(user_id, password)

    def commit(self, writes: Sequence[Write]) -> None:
        """Commit the protected change; `writes` must include the Writes of the proof.

        Raises:
            InvalidTwoFactorCode: the code was used, or the second factor turned on, meanwhile.
            Unauthorized: the session ended, or the password was changed, meanwhile.
            ConditionFailed: another assertion failed.
        """
        try:
            self._transactor.commit(writes)
        except ConditionFailed as failed:
            if failed.asserts & {"code_is_unused", "second_factor_is_off"}:
                raise InvalidTwoFactorCode() from failed
            if failed.asserts & {"same_password", "session_is_there"}:
                raise Unauthorized() from failed
            raise
