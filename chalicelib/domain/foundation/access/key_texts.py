"""The text of an API key: `hk_live_`, the key's id, a secret, and a checksum.

    hk_live_ 01K8Y5T0G4M9N2P7Q1R3S5V8WX 4fQ…(43) 0aB3xZ
    prefix   id (ULID)                  secret   CRC-32 of all before it

The prefix and the checksum let scanners recognise a leaked key without asking anybody, as GitHub's tokens do
(https://github.blog/engineering/behind-githubs-new-authentication-token-formats/), and a mistyped one is
refused without touching the table. The id finds the key; the secret proves it.
"""

import re
import secrets
import zlib

from chalicelib.kernel.ids import ULID_PATTERN, Kind

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_BYTES = 32
_SECRET_LENGTH = 43  # 62**43 > 2**256
_CHECKSUM_LENGTH = 6  # 62**6 > 2**32
_BEGINNING = "hk_"

KEY_PATTERN = rf"hk_(live|test)_{ULID_PATTERN}[0-9A-Za-z]{{{_SECRET_LENGTH + _CHECKSUM_LENGTH}}}"
"""For secret scanners; a text that matches and has the right checksum is a real key."""

_WHOLE = re.compile(rf"(?P<prefix>hk_(?:live|test)_)(?P<ulid>{ULID_PATTERN})[0-9A-Za-z]{{49}}", re.ASCII)


def looks_like_a_key(text: str) -> bool:
    """Whether `text` has the form of an API key, valid or not."""
    return text.startswith(_BEGINNING)


def prefix_of(stage: str) -> str:
    """Return the prefix of an installation's keys; keys of a developer's local cloud have another one."""
    return "hk_test_" if stage == "local" else "hk_live_"


def new_text(prefix: str, key_id: str) -> str:
    """Return a new text for the key, with 256 random bits; it is stored nowhere."""
    secret = _base62(int.from_bytes(secrets.token_bytes(_SECRET_BYTES)), _SECRET_LENGTH)
    text = visible_part(prefix, key_id) + secret
    return text + _checksum(text)


def visible_part(prefix: str, key_id: str) -> str:
    """Return the first part of a key's text, which is not secret: users tell keys apart by it."""
    return prefix + key_id.removeprefix(f"{Kind.API_KEY}_")


def key_id_in(text: str, prefix: str) -> str | None:
    """Return the id in the key `text`; None if its form, prefix or checksum is wrong."""
    match = _WHOLE.fullmatch(text)
    if match is None or match["prefix"] != prefix:
        return None
    body, checksum = text[:-_CHECKSUM_LENGTH], text[-_CHECKSUM_LENGTH:]
    return f"{Kind.API_KEY}_{match['ulid']}" if checksum == _checksum(body) else None


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
