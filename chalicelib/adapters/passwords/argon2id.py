"""`Passwords` with Argon2id (RFC 9106).

The library is imported when a password is hashed or compared: many functions can, and most requests do neither.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.adapters.passwords.breaches import Breaches
from chalicelib.domain.people.accounts.models import Password

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# OWASP Password Storage Cheat Sheet, "Argon2id": at least 19 MiB, two iterations, one degree of parallelism.
MEMORY_KIB = 19_456
ITERATIONS = 2
LANES = 1
_HASH_BYTES = 32
_SALT_BYTES = 16
_VERSION = 19  # RFC 9106 section 3.1: 0x13


class Argon2idPasswords:
    """Hashes at OWASP's parameters; tests may pass cheaper ones."""

    def __init__(
        self,
        memory_kib: int = MEMORY_KIB,
        iterations: int = ITERATIONS,
        lanes: int = LANES,
        breaches: Sequence[Breaches] = (),
    ) -> None:
        self._breaches = breaches
        self._memory_kib, self._iterations, self._lanes = memory_kib, iterations, lanes
        self._nobodys = (
            f"$argon2id$v={_VERSION}$m={memory_kib},t={iterations},p={lanes}"
            f"${_base64(bytes(_SALT_BYTES))}${_base64(bytes(_HASH_BYTES))}"
        )

    def is_breached(self, password: Password) -> bool:
        """Whether one of `breaches` contains it; see `KnownPasswords.is_breached`."""
        return any(breaches.contain(password) for breaches in self._breaches)

    def hash(self, password: Password) -> str:
        """Return the text to store: parameters, a random salt, and the hash."""
        return self._hasher.hash(password)

    def matches(self, password: Password, password_hash: str | None) -> bool:
        """Whether `password` has this hash; see `Passwords.matches`."""
        from argon2.exceptions import VerifyMismatchError

        try:
            self._hasher.verify(password_hash or self._nobodys, password)
        except VerifyMismatchError:
            return False
        return password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters."""
        return self._hasher.check_needs_rehash(password_hash)

    @cached_property
    def _hasher(self) -> PasswordHasher:
        from argon2 import PasswordHasher

        return PasswordHasher(
            time_cost=self._iterations,
            memory_cost=self._memory_kib,
            parallelism=self._lanes,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
        )


def _base64(raw: bytes) -> str:
    """Return Base64 without padding, as in the encoded form of a hash."""
    return b64encode(raw).decode().rstrip("=")
