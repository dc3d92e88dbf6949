"""`TokenSigner` for JSON Web Tokens; only functions that sign users in import it."""

import hashlib
import json
from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.adapters.tokens.access_tokens import ALGORITHM, AUDIENCE, encoded
from chalicelib.domain.people.sessions.models import Claims, TokenKey
from chalicelib.kernel.clock import epoch_seconds

_KEY_ID_LENGTH = 16


class SigningKeys(Protocol):
    """The private keys of one installation, one of which signs new tokens."""

    def current(self) -> Ed25519PrivateKey:
        """Return the key that signs new tokens."""
        ...


class JwtSigner:
    """Signs tokens of `issuer`."""

    def __init__(self, keys: SigningKeys, issuer: str) -> None:
        self._keys = keys
        self._issuer = issuer

    def key(self, until: datetime) -> TokenKey:
        """Return the public key; see `TokenSigner.key`."""
        public = _public(self._keys.current())
        return TokenKey(_id_of(public), encoded(public), until)

    def sign(self, claims: Claims, now: datetime, expires_at: datetime) -> str:
        """Return a token; see `TokenSigner.sign`."""
        private = self._keys.current()
        payload = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "iat": epoch_seconds(now),
            "exp": epoch_seconds(expires_at),
            "sub": claims.user_id,
            "sid": claims.session_id,
            "cus": claims.customer_id,
        }
        header = {"alg": ALGORITHM, "kid": _id_of(_public(private)), "typ": "JWT"}
        text = ".".join(encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, payload))
        return f"{text}.{encoded(private.sign(text.encode()))}"


def _public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes_raw()


def _id_of(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:_KEY_ID_LENGTH]
