"""`SigningKeys` in Secrets Manager.

The secret is JSON with the key in `current`. A key's id is its version id in Secrets Manager, so rotating is
putting a new value: tokens that the previous version signed are accepted until they expire.
"""

import json
from datetime import datetime, timedelta
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib.kernel.clock import Clock

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

_CURRENT, _PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
_KEPT = timedelta(minutes=15)
_SEARCHED_AT_MOST_EVERY = timedelta(minutes=1)
_MIN_KEY_BYTES = 32  # RFC 7518 section 3.2: HS256 needs a key of at least 256 bits
_CONFIG = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 3})


class SecretsManagerKeys:
    """Reads the current key a few times an hour, and the previous one only when a token names it."""

    def __init__(self, secret_id: str, clock: Clock) -> None:
        self._secret_id = secret_id
        self._clock = clock
        self._lock = Lock()
        self._keys: dict[str, bytes] = {}
        self._current_id = ""
        self._read_at: datetime | None = None
        self._searched_at: datetime | None = None

    def current(self) -> tuple[str, bytes]:
        """The id and the key that sign new tokens."""
        with self._lock:
            now = self._clock.now()
            if self._read_at is None or now - self._read_at >= _KEPT:
                self._read(now)
            return self._current_id, self._keys[self._current_id]

    def find(self, key_id: str) -> bytes | None:
        """The key with this id. Made-up ids cost one search a minute at most."""
        self.current()
        with self._lock:
            now = self._clock.now()
            is_time = self._searched_at is None or now - self._searched_at >= _SEARCHED_AT_MOST_EVERY
            if key_id not in self._keys and is_time:
                self._searched_at = now
                self._read(now, with_previous=True)
            return self._keys.get(key_id)

    def _read(self, now: datetime, *, with_previous: bool = False) -> None:
        """Replace what is known; a key that is neither current nor previous is accepted no longer."""
        key_id, key = self._version(_CURRENT)
        was_rotated = self._current_id not in {"", key_id}
        if was_rotated or with_previous:
            self._keys = self._previous()
        self._keys[key_id] = key
        self._current_id = key_id
        self._read_at = now

    def _previous(self) -> dict[str, bytes]:
        """The previous key, by its id, if there is one."""
        try:
            key_id, key = self._version(_PREVIOUS)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return {}
        return {key_id: key}

    def _version(self, stage: str) -> tuple[str, bytes]:
        """The id and the key of one version of the secret.

        Raises:
            ValueError: the secret does not hold a key that is long enough.
        """
        answer = self._client.get_secret_value(SecretId=self._secret_id, VersionStage=stage)
        key = str(json.loads(answer["SecretString"])["current"]).encode()
        if len(key) < _MIN_KEY_BYTES:
            raise ValueError(f"the signing key has {len(key)} bytes; it needs {_MIN_KEY_BYTES}")
        return answer["VersionId"], key

    @cached_property
    def _client(self) -> "SecretsManagerClient":
        return boto3.client("secretsmanager", config=_CONFIG)
