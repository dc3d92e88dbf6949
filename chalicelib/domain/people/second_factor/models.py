"""The second factor of a sign-in: what is kept of it, what proves it, and what it needs from outside."""

from dataclasses import dataclass
from datetime import datetime, timedelta

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
