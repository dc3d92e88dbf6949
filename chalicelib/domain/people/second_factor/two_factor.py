"""Sets up, turns on, turns off and proves the second factor."""

from collections.abc import Sequence

from chalicelib.domain.foundation.secrets.ports import SecretBox
from chalicelib.domain.people.accounts.endings import SessionEnding
from chalicelib.domain.people.accounts.models import Letter, LetterKind, User
from chalicelib.domain.people.accounts.ports import Letters, Users
from chalicelib.domain.people.attempts.attempts import Attempts
from chalicelib.domain.people.attempts.password_proof import PasswordProof
from chalicelib.domain.people.second_factor.errors import InvalidTwoFactorCode
from chalicelib.domain.people.second_factor.models import (
    Enrolment,
    Proof,
    SecondFactor,
    SecondFactorStatus,
    UsedRecoveryCode,
    UsedStep,
)
from chalicelib.domain.people.second_factor.ports import OneTimeCodes, SecondFactors
from chalicelib.domain.people.second_factor.recovery_codes import (
    new_recovery_codes,
    recovery_code_of,
    recovery_hash,
)
from chalicelib.domain.people.sessions.ports import Sessions
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, Unauthorized
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write

_ALREADY_ON = "Two-factor sign-in is on already; to move it to another app, turn it off first."
_NOT_ON = "Two-factor sign-in is not on."
_NOT_BEGUN = "Begin with /security/2fa/setup; only the newest secret can be confirmed."


class CodeCheck:
    """Checks codes."""

    def __init__(self, codes: OneTimeCodes, box: SecretBox, clock: Clock) -> None:
        self._codes = codes
        self._box = box
        self._clock = clock

    def proof(self, factor: SecondFactor, typed: str) -> Proof:
        """Return the proof that `typed` gives, as a code of the app or a recovery code.

        Raises:
            InvalidTwoFactorCode: it is neither, or was used.
        """
        recovery_code = recovery_code_of(typed)
        if recovery_code is None:
            return UsedStep(self.step(factor, typed))
        code_hash = recovery_hash(factor.user_id, recovery_code)
        if code_hash not in factor.recovery_hashes:
            raise InvalidTwoFactorCode()
        return UsedRecoveryCode(code_hash)

    def step(self, factor: SecondFactor, typed: str) -> int:
        """Return the time step of a code of the app.

        Raises:
            InvalidTwoFactorCode: the code is wrong, or its step is not later than the last used one.
        """
        secret = self._box.open(factor.sealed_secret, factor.user_id)
        step = self._codes.step_of(secret, typed.replace(" ", ""), self._clock.now())
        if step is None or step <= factor.last_step:
            raise InvalidTwoFactorCode()
        return step


class Enrolments:
    """Gives out secrets for authenticator apps."""

    def __init__(
        self,
        *,
        users: Users,
        password: PasswordProof,
        factors: SecondFactors,
        codes: OneTimeCodes,
        box: SecretBox,
        transactor: Transactor,
    ) -> None:
        self._users = users
        self._password = password
        self._factors = factors
        self._codes = codes
        self._box = box
        self._transactor = transactor

    def begin(self, user_id: str, password: str) -> Enrolment:
        """Return a new secret, to be confirmed with a code; an unconfirmed earlier secret becomes void.

        It asks for the password, so that a stolen session can neither lock the owner out with another app nor gain
        the second factor that staff need.

        Raises:
            Conflict: the second factor is on already.
            Forbidden: the password is wrong.
            RateLimited: too many wrong passwords.
        """
        proven, secret = self._password.prove(user_id, password), self._codes.new_secret()
        begun = self._factors.begin(user_id, self._box.seal(secret, user_id))
        _commit(self._transactor, [begun, self._users.same_password(proven.user), *proven.writes])
        return Enrolment(secret, self._codes.uri(secret, proven.user.email))


class FactorSwitch:
    """Applies turning the second factor on or off to the user's sessions."""

    def __init__(
        self,
        *,
        users: Users,
        sessions: Sessions,
        endings: SessionEnding,
        letters: Letters,
        attempts: Attempts,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._endings = endings
        self._letters = letters
        self._attempts = attempts
        self._transactor = transactor
        self._clock = clock

    def commit(
        self, user: User, session_id: str, change: Write, notice: LetterKind, *, has_second_factor: bool
    ) -> None:
        """Commit `change`, which turns the second factor on or off, and notify the user.

        All other sessions end.
        """
        now = self._clock.now()
        _commit(
            self._transactor,
            [
                change,
                self._users.same_password(user),
                self._sessions.set_second_factor(user.id, session_id, has_second_factor=has_second_factor),
                *self._endings.with_change(user.id, except_id=session_id),
                self._letters.add(Letter(new_id(Kind.LETTER, now), notice, user.email, now)),
                self._attempts.reauthentication_succeeded(user.id),
            ],
        )
        self._endings.end_remaining(
            user.id,
            lambda session: session.has_second_factor is not has_second_factor,
        )


class TwoFactor:
    """Turns the second factor of signed-in users on and off."""

    def __init__(
        self,
        *,
        users: Users,
        password: PasswordProof,
        factors: SecondFactors,
        check: CodeCheck,
        turn: FactorSwitch,
        attempts: Attempts,
        clock: Clock,
    ) -> None:
        self._users = users
        self._password = password
        self._factors = factors
        self._check = check
        self._turn = turn
        self._attempts = attempts
        self._clock = clock

    def status(self, user_id: str) -> SecondFactorStatus:
        """Return whether it is on, and how many recovery codes are left."""
        factor = self._factors.get(user_id)
        if factor is None or not factor.is_on:
            return SecondFactorStatus(None, 0)
        return SecondFactorStatus(factor.on_since, len(factor.recovery_hashes))

    def confirm(self, user_id: str, session_id: str, code: str) -> Sequence[str]:
        """Turn it on, end all other sessions, and return ten recovery codes; this session counts as signed in with
        it.

        Raises:
            Conflict: it is on already, or no secret waits to be confirmed.
            InvalidTwoFactorCode: the code is wrong.
            RateLimited: too many wrong codes.
        """
        self._attempts.reauthentication(user_id)
        user, factor = self._users.get(user_id), self._factors.get(user_id)
        if user is None:
            raise Unauthorized()
        if factor is None or factor.is_on:
            raise Conflict(_ALREADY_ON if factor else _NOT_BEGUN)
        step = self._check.step(factor, code)
        recovery_codes = new_recovery_codes()
        hashes = [recovery_hash(user_id, each) for each in recovery_codes]
        turned_on = self._factors.turn_on(factor, step, hashes, self._clock.now())
        self._turn.commit(user, session_id, turned_on, LetterKind.TWO_FACTOR_ON, has_second_factor=True)
        return recovery_codes

    def disable(self, user_id: str, session_id: str, password: str, code: str) -> None:
        """Turn it off with the password and a code or recovery code, and end all other sessions.

        Raises:
            Conflict: it is not on.
            Forbidden: the password is wrong.
            InvalidTwoFactorCode: the code is wrong, or was used.
            RateLimited: too many wrong passwords or codes.
        """
        proven, factor = self._password.prove(user_id, password), _on(self._factors.get(user_id))
        turned_off = self._factors.turn_off(factor, self._check.proof(factor, code))
        self._turn.commit(proven.user, session_id, turned_off, LetterKind.TWO_FACTOR_OFF, has_second_factor=False)


class RecoveryCodes:
    """Replaces recovery codes."""

    def __init__(
        self, factors: SecondFactors, check: CodeCheck, attempts: Attempts, transactor: Transactor
    ) -> None:
        self._factors = factors
        self._check = check
        self._attempts = attempts
        self._transactor = transactor

    def renew(self, user_id: str, code: str) -> Sequence[str]:
        """Return ten new recovery codes in exchange for a code of the app; the previous ones become void.

        Raises:
            Conflict: it is not on.
            InvalidTwoFactorCode: the code is wrong, or was used.
            RateLimited: too many wrong codes.
        """
        self._attempts.reauthentication(user_id)
        factor = _on(self._factors.get(user_id))
        proof, recovery_codes = UsedStep(self._check.step(factor, code)), new_recovery_codes()
        hashes = [recovery_hash(user_id, each) for each in recovery_codes]
        renewed = self._factors.replace_recovery_codes(factor, proof, hashes)
        _commit(self._transactor, [renewed, self._attempts.reauthentication_succeeded(user_id)])
        return recovery_codes


def _commit(transactor: Transactor, writes: Sequence[Write]) -> None:
    try:
        transactor.commit(writes)
    except ConditionFailed as failed:
        if failed.asserts & {"code_is_unused"}:
            raise InvalidTwoFactorCode() from failed
        if failed.asserts & {"second_factor_waits"}:
            raise Conflict(_NOT_BEGUN) from failed
        if failed.asserts & {"second_factor_is_off"}:
            raise Conflict(_ALREADY_ON) from failed
        raise Unauthorized() from failed  # the session ended or the password was changed meanwhile


def _on(factor: SecondFactor | None) -> SecondFactor:
    if factor is None or not factor.is_on:
        raise Conflict(_NOT_ON)
    return factor
