"""Breached passwords: a list that is part of the product, and a service that gets only a hash prefix."""

import hashlib
import hmac
import logging
import re
from collections.abc import Sequence
from functools import cache, cached_property
from importlib import resources
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.people.accounts.models import Password

if TYPE_CHECKING:
    from chalicelib.adapters.shared.http import HttpClient

HASH_BYTES = 6
"""The stored part of each SHA-1: an unlisted password matches by chance once in 10^10 cases."""
MIN_BASE_LENGTH = 4

_LIST = "common_passwords.bin"
_EDGES = re.compile(r"^[^a-z]+|[^a-z]+$")
_PREFIX_LENGTH = 5
_TIMEOUT_SECONDS = 1.5
_MAX_ANSWER_BYTES = 256 * 1024

_log = logging.getLogger(__name__)


class Breaches(Protocol):
    """A source of breached passwords."""

    def contain(self, password: Password) -> bool:
        """Whether it contains `password`."""
        ...


class CommonPasswords:
    """`Breaches` from the list in the product (made by `tools/common_passwords.py`).

    Digits and signs before and after a common password make it no better: `Dragon2031!` counts as `dragon`.
    """

    def contain(self, password: Password) -> bool:
        """Whether `password` is on the list, ignoring case, with or without leading and trailing digits and
        signs.
        """
        plain = password.casefold()
        base = _EDGES.sub("", plain)
        return _is_listed(plain) or (len(base) >= MIN_BASE_LENGTH and _is_listed(base))


class RangeService:
    """`Breaches` from a service with the Pwned Passwords range API (k-anonymity).

    It receives the first five of the forty hexadecimal digits of a SHA-1, and answers with all known hashes that
    begin so, padded (https://haveibeenpwned.com/API/v3#PwnedPasswords). If it does not answer, the password is
    accepted.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def contain(self, password: Password) -> bool:
        """Whether the service knows `password`; False if it does not answer."""
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        prefix, suffix = digest[:_PREFIX_LENGTH], digest[_PREFIX_LENGTH:]
        return any(
            hmac.compare_digest(found, suffix) and count.strip() != "0"  # padding entries have a count of 0
            for found, _, count in (line.partition(":") for line in self._range(prefix).splitlines())
        )

    def _range(self, prefix: str) -> str:
        from chalicelib.adapters.shared.http import NoAnswer

        try:
            answer = self._http.request(
                "GET",
                f"{self._url}/range/{prefix}",
                headers={"Add-Padding": "true", "User-Agent": "hearth"},
                may_repeat=False,  # a client waits for the answer
            )
        except NoAnswer as error:
            _log.warning("breached passwords could not be asked for: %s", error)
            return ""
        if answer.status != 200:
            _log.warning("the service of breached passwords answered %d", answer.status)
            return ""
        return answer.content.decode("ascii", "replace")

    @cached_property
    def _http(self) -> "HttpClient":
        from chalicelib.adapters.shared.http import Bounds, HttpClient

        bounds = Bounds(whole_seconds=_TIMEOUT_SECONDS, answer_bytes=_MAX_ANSWER_BYTES)
        return HttpClient("the service of breached passwords", bounds)


def hash_of_listed(plain: str) -> bytes:
    """Return the listed hash of a password in lower case."""
    return hashlib.sha1(plain.encode(), usedforsecurity=False).digest()[:HASH_BYTES]


def breaches(range_url: str) -> Sequence[Breaches]:
    """Return the list, and the service at `range_url` unless that is `off`."""
    return (CommonPasswords(),) if range_url == "off" else (CommonPasswords(), RangeService(range_url))


def _is_listed(plain: str) -> bool:
    """Do a binary search in the sorted list."""
    hashes, wanted = _hashes(), hash_of_listed(plain)
    low, high = 0, len(hashes) // HASH_BYTES
    while low < high:
        middle = (low + high) // 2
        found = hashes[middle * HASH_BYTES : (middle + 1) * HASH_BYTES]
        if found == wanted:
            return True
        low, high = (middle + 1, high) if found < wanted else (low, middle)
    return False


@cache
def _hashes() -> bytes:
    return resources.files("chalicelib.adapters.passwords").joinpath("data", _LIST).read_bytes()
