"""The second factor of a sign-in: what is kept of it, what proves it, and what it needs from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.kernel.transactions import Write

PENDING_SIGN_IN_LIFE = timedelta(minutes=5)
MAX_CODES_PER_PENDING_SIGN_IN = 5


@dataclass(frozen=True)
class SecondFactor:
    """A person's authenticator app, and the codes that stand in for it."""

    user_id: str
    sealed_secret: str
    """What codes are computed from, encrypted for this person alone."""
    on_since: datetime | None
    """When the person confirmed it with a code; until then nobody is asked for one."""
    last_step: int
    """The newest time step whose code was used: older codes, and this one, are spent (RFC 6238, section 5.2)."""
    recovery_hashes: frozenset[str]
    """Of the recovery codes that are left."""

    @property
    def is_on(self) -> bool:
        """Whether sign-ins ask for it."""
        return self.on_since is not None


@dataclass(frozen=True)
class UsedStep:
    """A code of the app, known by its time step."""

    step: int


@dataclass(frozen=True)
class UsedRecoveryCode:
    """A recovery code, known by its hash."""

    code_hash: str


Proof = UsedStep | UsedRecoveryCode
"""A right code that was not used before, as far as is known: only a write that uses it up can tell."""


@dataclass(frozen=True)
class Enrolment:
    """What an authenticator app takes in; shown once."""

    secret: str
    """Base32 (RFC 4648), for typing."""
    uri: str
    """`otpauth://`, for scanning."""


@dataclass(frozen=True)
class SecondFactorStatus:
    """What a person sees of their second factor."""

    on_since: datetime | None
    recovery_codes_left: int


@dataclass(frozen=True)
class PendingSignIn:
    """A sign-in whose password was right, known by the hash of its token; it can become one session."""

    token_hash: str
    user_id: str
    password_version: int
    """The user's at that time: a new password makes it void."""
    expires_at: datetime


class SecondFactors(Protocol):
    """What is kept of second factors: at most one a person."""

    def get(self, user_id: str) -> SecondFactor | None:
        """The person's, on or not, as last written."""
        ...

    def begin(self, user_id: str, sealed_secret: str) -> Write:
        """Keep a secret that waits to be confirmed, in place of an earlier one; asserts `second_factor_is_off`."""
        ...

    def turn_on(self, factor: SecondFactor, step: int, recovery_hashes: Sequence[str], now: datetime) -> Write:
        """Ask for it from now on, with the code of `step` used; asserts `second_factor_waits`, being `factor`."""
        ...

    def is_off(self, user_id: str) -> Write:
        """Change nothing; asserts `second_factor_is_off`."""
        ...

    def is_on(self, user_id: str) -> Write:
        """Change nothing; asserts `second_factor_is_on`."""
        ...

    def use(self, factor: SecondFactor, proof: Proof) -> Write:
        """Use a code up; asserts `code_is_unused`."""
        ...

    def replace_recovery_codes(self, factor: SecondFactor, proof: Proof, recovery_hashes: Sequence[str]) -> Write:
        """Use a code up, and make these the recovery codes; asserts `code_is_unused`."""
        ...

    def turn_off(self, factor: SecondFactor, proof: Proof) -> Write:
        """Use a code up, and forget everything; asserts `code_is_unused`."""
        ...

    def forget(self, user_id: str) -> Write:
        """Forget everything, for a person who takes an account back from whoever turned it on."""
        ...


class PendingSignIns(Protocol):
    """Sign-ins that wait for their second factor."""

    def insert(self, pending: PendingSignIn) -> Write:
        """Add `pending`."""
        ...

    def get(self, token_hash: str) -> PendingSignIn | None:
        """The sign-in, as last written, unless it was finished."""
        ...

    def try_code(self, token_hash: str, now: datetime) -> PendingSignIn | None:
        """Count one more code for the sign-in and give it; None where there is none, or its codes are used up.

        Counting and giving are one write, so that no number of calls at once gets more than
        `MAX_CODES_PER_PENDING_SIGN_IN`.
        """
        ...

    def finish(self, pending: PendingSignIn) -> Write:
        """Remove it; asserts `sign_in_is_pending`."""
        ...


class OneTimeCodes(Protocol):
    """Codes that follow from a secret and the time (TOTP, RFC 6238)."""

    def new_secret(self) -> str:
        """A random secret in base32."""
        ...

    def uri(self, secret: str, account: str) -> str:
        """What an authenticator app scans, naming the `account`."""
        ...

    def step_of(self, secret: str, code: str, now: datetime) -> int | None:
        """The time step whose code this is, out of the current one, the one before and the one after."""
        ...


class SecretBox(Protocol):
    """Keeps secrets that we must be able to read again (G46)."""

    def seal(self, secret: str, owner: str) -> str:
        """`secret`, encrypted so that it opens for `owner` alone."""
        ...

    def open(self, sealed: str, owner: str) -> str:
        """The inverse of `seal`."""
        ...
