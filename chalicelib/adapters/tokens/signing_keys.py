"""`SigningKeys` in Secrets Manager.

The secret is JSON with a random text in `current`, from which the key pair is derived. So the data stack can
create it, and to rotate it, replace the text: each session carries the public key that verifies its tokens.
"""

import hmac
import json
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING

from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.adapters.shared import aws
from chalicelib.kernel.clock import Clock

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

_KEPT = timedelta(minutes=15)
_MIN_BYTES = 32
"""RFC 8032, section 5.1.5: the private key of Ed25519 is 32 random bytes."""
_PURPOSE = b"hearth: Ed25519 key of access tokens"
_CONFIG = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 3})


class SecretsManagerKeys:
    """Reads the secret a few times per hour, when a token is signed."""

    def __init__(self, secret_id: str, clock: Clock) -> None:
        self._secret_id = secret_id
        self._clock = clock
        self._lock = Lock()
        self._read_at: datetime | None = None
        self._key: Ed25519PrivateKey | None = None

    def current(self) -> Ed25519PrivateKey:
        """Return the key that signs new tokens; it was read at most 15 minutes ago.

        Raises:
            ValueError: the secret is too short.
        """
        with self._lock:
            now = self._clock.now()
            if self._key is None or self._read_at is None or now - self._read_at >= _KEPT:
                self._key, self._read_at = key_of(self._secret()), now
            return self._key

    def _secret(self) -> bytes:
        answer = self._client.get_secret_value(SecretId=self._secret_id)
        return str(json.loads(answer["SecretString"])["current"]).encode()

    @cached_property
    def _client(self) -> "SecretsManagerClient":
        client: SecretsManagerClient = aws.client("secretsmanager", _CONFIG)
        return client


def key_of(secret: bytes) -> Ed25519PrivateKey:
    """Derive the private key from `secret`.

    The secret is random already: one HMAC derives 32 bytes for this purpose alone (RFC 5869, section 2.2).

    Raises:
        ValueError: `secret` is too short.
    """
    if len(secret) < _MIN_BYTES:
        raise ValueError(f"the signing key has {len(secret)} bytes; it needs {_MIN_BYTES}")
    return Ed25519PrivateKey.from_private_bytes(hmac.digest(_PURPOSE, secret, sha256))
