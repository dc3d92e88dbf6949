"""Sessions, and the access tokens that identify them."""

from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.domain.foundation.access.models import CustomerStatus, Role, StaffRole
from chalicelib.kernel.dataclasses import dataclass

ACCESS_TOKEN_LIFE = timedelta(minutes=15)
SESSION_LIFE = timedelta(days=30)
"""Absolute limit from sign-in, regardless of refreshes (OWASP Session Management Cheat Sheet)."""
MAX_SESSIONS_PER_USER = 50
"""One more session ends the oldest; so all of them fit into one transaction."""


@dataclass(frozen=True)
class TokenKey:
    """A public key that a session trusts; tokens refer to it by `id`."""

    id: str
    text: str
    until: datetime
    """When the newest token signed with it ends; after that it verifies no token."""

    def is_good(self, now: datetime) -> bool:
        """Whether tokens signed with it are accepted."""
        return now < self.until


@dataclass(frozen=True)
class Session:
    """One sign-in, until it ends. Only hashes of its refresh tokens are stored."""

    id: str
    user_id: str
    customer_id: str
    """The customer that the session acts for; empty for staff without a customer of their own."""
    ip: str
    user_agent: str
    created_at: datetime
    last_used_at: datetime
    """When it got its newest access token; as tokens last 15 minutes, this is at most 15 minutes before its last
    use.
    """
    ends_at: datetime
    password_version: int
    family_hash: str
    """The hash of the part that all refresh tokens of this session share."""
    refresh_hash: str
    """The hash of the part that only the newest refresh token has."""
    has_second_factor: bool = False
    """Whether a second factor was used to open it."""
    token_keys: "tuple[TokenKey, ...]" = ()
    """The keys that verify its access tokens."""

    def has_ended(self, now: datetime) -> bool:
        """Whether the session has expired."""
        return now >= self.ends_at

    def trusting(self, key: TokenKey, now: datetime) -> "Session":
        """Return the session with `key` for an access token signed at `now`, without keys whose tokens have all
        ended.
        """
        others = (known for known in self.token_keys if known.id != key.id and known.is_good(now))
        return replace(self, token_keys=(key, *others))

    def token_end(self, now: datetime) -> datetime:
        """Return when an access token signed at `now` ends."""
        return min(now + ACCESS_TOKEN_LIFE, self.ends_at)


@dataclass(frozen=True)
class Claims:
    """The claims of an access token."""

    user_id: str
    session_id: str
    customer_id: str


@dataclass(frozen=True)
class Standing:
    """The stored state that decides about the bearer of an access token."""

    session: Session | None
    role: Role | None
    staff_role: StaffRole | None
    customer_status: CustomerStatus = CustomerStatus.ACTIVE


@dataclass(frozen=True)
class SessionAccess:
    """What a client needs to act in a session for the next 15 minutes; shown once."""

    session_id: str
    access_token: str
    access_expires_at: datetime


@dataclass(frozen=True)
class SessionTokens(SessionAccess):
    """What a client gets when it signs in or refreshes; shown once."""

    refresh_token: str
    refresh_expires_at: datetime
