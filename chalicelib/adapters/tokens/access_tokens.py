"""`TokenReader` for JSON Web Tokens signed with Ed25519 (RFC 7519, RFC 8037), checked as RFC 8725 demands.

The format is fixed, so that reading it takes one page: PyJWT, which supports all formats, would take a sixth of a
cold function's first exchange (`docs/adr/0025-sessions-carry-the-keys-of-their-tokens.md`).
"""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chalicelib.domain.people.sessions.models import Claims, TokenKey
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.errors import Unauthorized
from chalicelib.kernel.ids import Kind, is_id

ALGORITHM = "EdDSA"
AUDIENCE = "hearth-api"
_MAX_LENGTH = 2048


class JwtReader:
    """Reads tokens of `issuer`; the algorithm is fixed, whatever a token's header says."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def claims(self, token: str, now: datetime) -> Claims:
        """Return the unverified claims of `token`; see `TokenReader.claims`."""
        _, payload, _ = _parts(token)
        said = _json(payload)
        ends, begins = said.get("exp"), said.get("iat")
        if type(ends) is not int or type(begins) is not int or ends <= epoch_seconds(now):
            raise Unauthorized()
        if said.get("iss") != self._issuer or said.get("aud") != AUDIENCE:
            raise Unauthorized()
        customer_id = _id(Kind.CUSTOMER, said.get("cus")) if said.get("cus", "") else ""
        return Claims(_id(Kind.USER, said.get("sub")), _id(Kind.SESSION, said.get("sid")), customer_id)

    def is_signed(self, token: str, keys: Sequence[TokenKey], now: datetime) -> bool:
        """Whether one of `keys` verifies it; see `TokenReader.is_signed`."""
        header, payload, signature = _parts(token)
        head = _json(header)
        if head.get("alg") != ALGORITHM or "crit" in head:
            return False
        named = (key for key in keys if key.id == head.get("kid") and key.is_good(now))
        return any(_is_signed(f"{header}.{payload}".encode(), _bytes(signature), key) for key in named)


def encoded(data: bytes) -> str:
    """Return URL-safe Base64 without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _is_signed(text: bytes, signature: bytes, key: TokenKey) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(_bytes(key.text)).verify(signature, text)
    except InvalidSignature:
        return False
    return True


def _parts(token: str) -> tuple[str, str, str]:
    parts = token.split(".") if len(token) <= _MAX_LENGTH else ()
    if len(parts) != 3:
        raise Unauthorized()
    header, payload, signature = parts
    return header, payload, signature


def _json(part: str) -> Mapping[str, Any]:
    try:
        found = json.loads(_bytes(part))
    except (ValueError, RecursionError):
        raise Unauthorized() from None
    if not isinstance(found, dict):
        raise Unauthorized()
    return found


def _bytes(part: str) -> bytes:
    """Decode `part`.

    Raises:
        Unauthorized: it is not URL-safe Base64.
    """
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Unauthorized() from None


def _id(kind: Kind, value: Any) -> str:
    if not isinstance(value, str) or not is_id(kind, value):
        raise Unauthorized()
    return value
