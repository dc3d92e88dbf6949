"""Ports of sessions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.people.sessions.models import Claims, Session, Standing, TokenKey
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

SESSION_UNCHANGED = "session_unchanged"


class Sessions(Protocol):
    """Stored sessions."""

    def get(self, user_id: str, session_id: str) -> Session | None:
        """Return the session (strongly consistent), or None if it ended."""
        ...

    def standing(self, claims: Claims, customer_id: str, *, wants_staff: bool) -> Standing:
        """Return the session and the user's rights in one strongly consistent request.

        The rights are the user's role in the staff if `wants_staff`, otherwise the membership of `customer_id`.
        """
        ...

    def list(self, user_id: str, page: PageRequest, now: datetime) -> Page[Session]:
        """Return the user's sessions that are valid at `now`, newest first."""
        ...

    def all_of(self, user_id: str) -> Sequence[Session]:
        """Return all sessions of the user, expired or not (strongly consistent), oldest first; at most 100."""
        ...

    def insert(self, session: Session) -> Write:
        """Add `session`."""
        ...

    def end(self, user_id: str, session_id: str) -> Write:
        """Delete the session, if it exists."""
        ...

    def set_second_factor(self, user_id: str, session_id: str, *, has_second_factor: bool) -> Write:
        """Record whether the session was opened with a second factor; asserts `session_is_there`."""
        ...

    def carry_over(self, user_id: str, session_id: str, password_version: int) -> Write:
        """Keep the session valid under the new `password_version`; asserts `session_is_there`."""
        ...

    def switch_customer(self, session: Session, customer_id: str) -> Write:
        """Switch the session to `customer_id` (empty: none), and store the token keys of `session`.

        Access tokens name the customer, so that earlier ones are refused. Asserts SESSION_UNCHANGED: it still acts
        for the customer in `session`.
        """
        ...

    def rotate(self, session: Session, refresh_hash: str, now: datetime, ip: str) -> Write:
        """Replace the expected refresh token, and store the token keys of `session`.

        Asserts `newest_refresh_token`: the stored one is that of `session`.
        """
        ...


class TokenReader(Protocol):
    """Reads access tokens; needs no secret."""

    def claims(self, token: str, now: datetime) -> Claims:
        """Return the claims of `token` before its signature is verified; use them only to look up the session.

        Raises:
            Unauthorized: the token has another form or audience, or has expired.
        """
        ...

    def is_signed(self, token: str, keys: Sequence[TokenKey], now: datetime) -> bool:
        """Whether `token`, already read by `claims`, was signed by one of `keys` that is valid at `now`."""
        ...


class TokenSigner(Protocol):
    """Signs access tokens with the private key, which only the sign-in functions may read."""

    def key(self, until: datetime) -> TokenKey:
        """Return the public key for tokens signed now, the newest of which ends at `until`."""
        ...

    def sign(self, claims: Claims, now: datetime, expires_at: datetime) -> str:
        """Return a token with `claims` that expires at `expires_at`."""
        ...
