"""Proving once more who one is, before something that whoever found an open session must not do."""

from collections.abc import Sequence

from chalicelib.domain.people.attempts.password_proof import PasswordProof, Proven
from chalicelib.domain.people.second_factor.errors import InvalidTwoFactorCode
from chalicelib.domain.people.second_factor.ports import SecondFactors
from chalicelib.domain.people.second_factor.two_factor import CodeCheck
from chalicelib.kernel.errors import Unauthorized
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write

_CODE_MISSING = "Two-factor sign-in is on: send a code of your app, or a recovery code, too."


class Reauthentication:
    """Asks for the password, and for a code where the second factor is on."""

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
        """The user with this id, if password and code are theirs.

        Raises:
            Forbidden: the password is wrong.
            InvalidTwoFactorCode: the code is wrong, was used before, or is missing.
            RateLimited: there were too many wrong ones.
            Unauthorized: there is no such user any more.
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
        """The same by the password alone."""
        return self._password.prove(user_id, password)

    def commit(self, writes: Sequence[Write]) -> None:
        """Commit what was proven for, with the proof's own writes among `writes`.

        Raises:
            InvalidTwoFactorCode: the code was used, or the second factor turned on, meanwhile.
            Unauthorized: the session was ended, or the password was changed, meanwhile.
            ConditionFailed: something else did not hold.
        """
        try:
            self._transactor.commit(writes)
        except ConditionFailed as failed:
            if failed.asserts & {"code_is_unused", "second_factor_is_off"}:
                raise InvalidTwoFactorCode() from failed
            if failed.asserts & {"same_password", "session_is_there"}:
                raise Unauthorized() from failed
            raise
