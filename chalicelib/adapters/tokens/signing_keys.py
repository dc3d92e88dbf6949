"""`SigningKeys` in Secrets Manager.

The secret is JSON with the key in `current`. A key's id is its version id in Secrets Manager, so rotating is
putting a new value: tokens that the previous version signed are accepted until they expire.
"""

import json
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib.kernel.clock import Clock

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

_CURRENT, _PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
_KEPT = timedelta(hours=1)
_RELOADED_AT_MOST_EVERY = timedelta(seconds=60)
_MIN_KEY_BYTES = 32  # RFC 7518 section 3.2: HS256 needs a key of at least 256 bits
_CONFIG = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 3})


class SecretsManagerKeys:
    """Keeps the keys for the life of the process, and reads them again when a token names an unknown one."""

    def __init__(self, secret_id: str, clock: Clock) -> None:
        self._secret_id = secret_id
        self._clock = clock
        self._lock = Lock()
        self._keys: dict[str, bytes] = {}
        self._current_id = ""
        self._loaded_at: datetime | None = None

    def current(self) -> tuple[str, bytes]:
        """The id and the key that sign new tokens."""
        self._load_if_older_than(_KEPT)
        return self._current_id, self._keys[self._current_id]

    def find(self, key_id: str) -> bytes | None:
        """The key with this id. Made-up ids cost one reading a minute at most."""
        self._load_if_older_than(_KEPT)
        if key_id not in self._keys:
            self._load_if_older_than(_RELOADED_AT_MOST_EVERY)
        return self._keys.get(key_id)

    def _load_if_older_than(self, age: timedelta) -> None:
        with self._lock:
            now = self._clock.now()
            if self._loaded_at is not None and now - self._loaded_at < age:
                return
            client = boto3.client("secretsmanager", config=_CONFIG)
            self._current_id, key = self._version(client, _CURRENT)
            self._keys = {self._current_id: key}
            try:
                previous_id, previous = self._version(client, _PREVIOUS)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
            else:
                self._keys[previous_id] = previous
            self._loaded_at = now

    def _version(self, client: "SecretsManagerClient", stage: str) -> tuple[str, bytes]:
        """The id and the key of one version of the secret.

        Raises:
            ValueError: the secret does not hold a key that is long enough.
        """
        answer = client.get_secret_value(SecretId=self._secret_id, VersionStage=stage)
        key = str(json.loads(answer["SecretString"])["current"]).encode()
        if len(key) < _MIN_KEY_BYTES:
            raise ValueError(f"the signing key has {len(key)} bytes; it needs {_MIN_KEY_BYTES}")
        return answer["VersionId"], key
