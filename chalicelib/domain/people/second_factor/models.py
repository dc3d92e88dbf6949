"""The second factor of a sign-in: its stored state and its proofs."""

from datetime import datetime, timedelta

from chalicelib.kernel.dataclasses import dataclass

PENDING_SIGN_IN_LIFE = timedelta(minutes=5)
MAX_CODES_PER_PENDING_SIGN_IN = 5


@dataclass(frozen=True)
class SecondFactor:
    """A user's authenticator app and recovery codes."""

    user_id: str
    sealed_secret: str
    """The secret that codes are computed from, encrypted for this user only."""
    on_since: datetime | None
    """When the user confirmed it with a code; before that, sign-ins do not ask for one."""
    last_step: int
    """The newest time step whose code was used; codes of this and earlier steps are refused (RFC 6238, section
    5.2).
    """
    recovery_hashes: frozenset[str]
    """Hashes of the unused recovery codes."""

    @property
    def is_on(self) -> bool:
        """Whether sign-ins ask for a code."""
        return self.on_since is not None


@dataclass(frozen=True)
class UsedStep:
    """A code of the app, identified by its time step."""

    step: int


@dataclass(frozen=True)
class UsedRecoveryCode:
    """A recovery code, identified by its hash."""

    code_hash: str


Proof = UsedStep | UsedRecoveryCode
"""A correct code that was unused when it was read; only the write that uses it up makes sure."""


@dataclass(frozen=True)
class Enrolment:
    """The data that an authenticator app needs; shown once."""

    secret: str
    """In base32 (RFC 4648), for typing."""
    uri: str
    """An `otpauth://` URI, for scanning."""


@dataclass(frozen=True)
class SecondFactorStatus:
    """The second factor as shown to its user."""

    on_since: datetime | None
    recovery_codes_left: int


@dataclass(frozen=True)
class PendingSignIn:
    """A sign-in whose password was right, found by the hash of its token; it can open one session."""

    token_hash: str
    user_id: str
    password_version: int
    """The user's password version at that time; a new password voids the sign-in."""
    expires_at: datetime
