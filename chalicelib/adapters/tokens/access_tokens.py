"""`AccessTokens` as JSON Web Tokens (RFC 7519), checked as RFC 8725 asks."""

from datetime import datetime
from typing import Any, Protocol

import jwt

from chalicelib.domain.people.accounts.models import Claims
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.errors import Unauthorized

ALGORITHM = "HS256"
AUDIENCE = "hearth-api"
_MAX_LENGTH = 2048
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "sid"]


class SigningKeys(Protocol):
    """The keys of one installation, by id."""

    def current(self) -> tuple[str, bytes]:
        """The id and the key that sign new tokens."""
        ...

    def find(self, key_id: str) -> bytes | None:
        """The key with this id, if tokens that it signed may still be accepted."""
        ...


class JwtAccessTokens:
    """Signs and reads tokens; the algorithm is ours, whatever a token's header says."""

    def __init__(self, keys: SigningKeys, issuer: str) -> None:
        self._keys = keys
        self._issuer = issuer

    def issue(self, claims: Claims, now: datetime, expires_at: datetime) -> str:
        """A token that says `claims`; see `AccessTokens.issue`."""
        key_id, key = self._keys.current()
        payload = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "iat": epoch_seconds(now),
            "exp": epoch_seconds(expires_at),
            "sub": claims.user_id,
            "sid": claims.session_id,
            "cus": claims.customer_id,
        }
        return jwt.encode(payload, key, ALGORITHM, {"kid": key_id})

    def read(self, token: str, now: datetime) -> Claims:
        """What `token` says; see `AccessTokens.read`."""
        payload = self._verified(token)
        if not isinstance(payload["exp"], int) or payload["exp"] <= epoch_seconds(now):
            raise Unauthorized()
        return Claims(
            user_id=str(payload["sub"]),
            session_id=str(payload["sid"]),
            customer_id=str(payload.get("cus", "")),
        )

    def _verified(self, token: str) -> dict[str, Any]:
        """The payload, once its signature, issuer and audience were checked. Time is the caller's to check:
        it comes from our own clock."""
        if len(token) > _MAX_LENGTH:
            raise Unauthorized()
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            key = self._keys.find(key_id) if isinstance(key_id, str) else None
            if key is None:
                raise Unauthorized()
            return jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except jwt.InvalidTokenError as error:
            raise Unauthorized() from error
