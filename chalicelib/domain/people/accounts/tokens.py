"""Random secrets, which are kept as hashes only (G42).

A fast hash is right for them: 256 random bits cannot be guessed, whatever a guess costs.
"""

import hmac
import re
import secrets
from dataclasses import dataclass

from chalicelib.kernel.errors import Unauthorized
from chalicelib.kernel.ids import ULID_PATTERN, Kind

_SECRET_BYTES = 32
_SECRET = r"[A-Za-z0-9_-]{43}"  # noqa: S105 (a pattern)
SECRET_PATTERN = f"^{_SECRET}$"
MAX_REFRESH_TOKEN_LENGTH = 160
_REFRESH_TOKEN = re.compile(rf"({ULID_PATTERN})\.({ULID_PATTERN})\.({_SECRET})\.({_SECRET})")


def new_secret() -> str:
    """256 random bits, safe in URLs."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def is_same(one_hash: str, other_hash: str) -> bool:
    """Whether two hashes are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one_hash, other_hash)


@dataclass(frozen=True)
class RefreshToken:
    """What is inside a refresh token: whose it is, and two secrets.

    `family` stays the same for the life of a session and shows that a token was ours at some time; `current`
    is new with each rotation. So a used token is known for what it is, while a made-up one can end nobody's
    session.
    """

    user_id: str
    session_id: str
    family: str
    current: str

    def text(self) -> str:
        """The token as the client keeps it."""
        user, session = self.user_id.partition("_")[2], self.session_id.partition("_")[2]
        return f"{user}.{session}.{self.family}.{self.current}"

    @classmethod
    def parse(cls, text: str) -> "RefreshToken":
        """The inverse of `text`.

        Raises:
            Unauthorized: it is not of our making.
        """
        match = _REFRESH_TOKEN.fullmatch(text)
        if match is None:
            raise Unauthorized("The refresh token is not valid; sign in again.")
        user, session, family, current = match.groups()
        return cls(f"{Kind.USER}_{user}", f"{Kind.SESSION}_{session}", family, current)
