"""Random secrets, stored only as hashes (G42).

A fast hash is enough: 256 random bits cannot be guessed, however cheap a guess is.
"""

import hmac
import re
import secrets

from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import Unauthorized
from chalicelib.kernel.ids import ULID_PATTERN, Kind

_SECRET_BYTES = 32
_SECRET = r"[A-Za-z0-9_-]{43}"  # noqa: S105 (a pattern)
SECRET_PATTERN = f"^{_SECRET}$"
MAX_REFRESH_TOKEN_LENGTH = 160
_REFRESH_TOKEN = re.compile(rf"({ULID_PATTERN})\.({ULID_PATTERN})\.({_SECRET})\.({_SECRET})")


def new_secret() -> str:
    """Return 256 random bits as URL-safe text."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def is_same(one_hash: str, other_hash: str) -> bool:
    """Whether two hashes are equal, compared in constant time."""
    return hmac.compare_digest(one_hash, other_hash)


@dataclass(frozen=True)
class RefreshToken:
    """The content of a refresh token: user, session and two secrets.

    `family` stays the same for the life of a session and shows that we issued the token at some time; `current` is
    new with each rotation. So a reused token is recognised, while a forged token cannot end any session.
    """

    user_id: str
    session_id: str
    family: str
    current: str

    def text(self) -> str:
        """Return the token in the form that the client stores."""
        user, session = self.user_id.partition("_")[2], self.session_id.partition("_")[2]
        return f"{user}.{session}.{self.family}.{self.current}"

    @classmethod
    def parse(cls, text: str) -> "RefreshToken":
        """Parse the result of `text`.

        Raises:
            Unauthorized: the text is not a refresh token of ours.
        """
        match = _REFRESH_TOKEN.fullmatch(text)
        if match is None:
            raise Unauthorized("The refresh token is not valid; sign in again.")
        user, session, family, current = match.groups()
        return cls(f"{Kind.USER}_{user}", f"{Kind.SESSION}_{session}", family, current)
