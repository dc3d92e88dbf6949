"""What sessions need from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.people.sessions.models import Claims, Session, Standing, TokenKey
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

SESSION_UNCHANGED = "session_unchanged"


class Sessions(Protocol):
    """Sign-ins."""

    def get(self, user_id: str, session_id: str) -> Session | None:
        """The session, as last written, unless it was ended."""
        ...

    def standing(self, claims: Claims, customer_id: str, *, wants_staff: bool) -> Standing:
        """The session with the right behind it, as last written, in one request to the table.

        The right is the user's place in the staff where the request wants that, or else in `customer_id`.
        """
        ...

    def list(self, user_id: str, page: PageRequest, now: datetime) -> Page[Session]:
        """The user's sessions that have not ended at `now`, newest first."""
        ...

    def all_of(self, user_id: str) -> Sequence[Session]:
        """Every session of the user, ended or not, as last written, oldest first; at most 100."""
        ...

    def insert(self, session: Session) -> Write:
        """Add `session`."""
        ...

    def end(self, user_id: str, session_id: str) -> Write:
        """Remove the session, if it is still there."""
        ...

    def set_second_factor(self, user_id: str, session_id: str, *, has_second_factor: bool) -> Write:
        """Note whether more than a password stands behind the session; asserts `session_is_there`."""
        ...

    def carry_over(self, user_id: str, session_id: str, password_version: int) -> Write:
        """Let the session outlive a new password, whose version this is; asserts `session_is_there`."""
        ...

    def turn(self, session: Session, customer_id: str) -> Write:
        """Let it act for `customer_id`, or nobody, and trust the keys that `session` says.

        Its access tokens name the customer: those from before are refused. Asserts SESSION_UNCHANGED: it still
        acts for whom `session` says.
        """
        ...

    def rotate(self, session: Session, refresh_hash: str, now: datetime, ip: str) -> Write:
        """Expect another refresh token from now on, and trust the keys that `session` says.

        Asserts `newest_refresh_token` as `session` has it.
        """
        ...


class TokenReader(Protocol):
    """Reads access tokens. It holds no secret."""

    def claims(self, token: str, now: datetime) -> Claims:
        """What `token` says, before anybody has checked its signature: good for looking its session up.

        Raises:
            Unauthorized: it is not of our form, not for us, or has expired.
        """
        ...

    def is_signed(self, token: str, keys: Sequence[TokenKey], now: datetime) -> bool:
        """Whether `token`, which `claims` has taken, was signed by one of `keys` that is good at `now`."""
        ...


class TokenSigner(Protocol):
    """Signs access tokens with the private key, which only sign-in may read."""

    def key(self, until: datetime) -> TokenKey:
        """What checks the tokens that are signed now, the newest of which ends at `until`."""
        ...

    def sign(self, claims: Claims, now: datetime, expires_at: datetime) -> str:
        """A token that says `claims` until `expires_at`."""
        ...
