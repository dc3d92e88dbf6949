"""Sessions, and the access tokens by which they are known."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.domain.foundation.access.models import CustomerStatus, Role, StaffRole

ACCESS_TOKEN_LIFE = timedelta(minutes=15)
SESSION_LIFE = timedelta(days=30)
"""From sign-in, however often it is refreshed: an absolute end (OWASP Session Management Cheat Sheet)."""
MAX_SESSIONS_PER_USER = 50
"""The oldest ends when one more begins, so that all of them fit into one transaction."""


@dataclass(frozen=True)
class TokenKey:
    """A public key that a session trusts; `id` is how a token names it."""

    id: str
    text: str
    until: datetime
    """When the newest token that it has signed ends: after that it checks none."""

    def is_good(self, now: datetime) -> bool:
        """Whether tokens that it has signed are still taken."""
        return now < self.until


@dataclass(frozen=True)
class Session:
    """One sign-in, until it ends. Its refresh tokens are known by their hashes only."""

    id: str
    user_id: str
    customer_id: str
    """The customer it acts for; empty for staff without a customer of their own."""
    ip: str
    user_agent: str
    created_at: datetime
    last_used_at: datetime
    """When it got its newest access token, which lasts a quarter of an hour: so it is at most that old."""
    ends_at: datetime
    password_version: int
    family_hash: str
    """Of the part that all refresh tokens of this session share."""
    refresh_hash: str
    """Of the part that only the newest refresh token has."""
    has_second_factor: bool = False
    """Whether more than a password stands behind it."""
    token_keys: "tuple[TokenKey, ...]" = ()
    """What its access tokens are checked with."""

    def has_ended(self, now: datetime) -> bool:
        """Whether its time is up."""
        return now >= self.ends_at

    def trusting(self, key: TokenKey, now: datetime) -> "Session":
        """The session once `key` has signed an access token at `now`, without keys whose tokens have ended."""
        others = (known for known in self.token_keys if known.id != key.id and known.is_good(now))
        return replace(self, token_keys=(key, *others))

    def token_end(self, now: datetime) -> datetime:
        """When an access token that is signed at `now` ends."""
        return min(now + ACCESS_TOKEN_LIFE, self.ends_at)


@dataclass(frozen=True)
class Claims:
    """What an access token says."""

    user_id: str
    session_id: str
    customer_id: str


@dataclass(frozen=True)
class Standing:
    """What the table says about the bearer of an access token right now."""

    session: Session | None
    role: Role | None
    staff_role: StaffRole | None
    customer_status: CustomerStatus = CustomerStatus.ACTIVE


@dataclass(frozen=True)
class SessionAccess:
    """What lets a client act in a session for the next quarter of an hour; shown once."""

    session_id: str
    access_token: str
    access_expires_at: datetime


@dataclass(frozen=True)
class SessionTokens(SessionAccess):
    """What a client gets when it signs in or refreshes; shown once."""

    refresh_token: str
    refresh_expires_at: datetime
