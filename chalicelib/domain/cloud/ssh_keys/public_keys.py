"""Parses SSH public keys from their wire format, and accepts only secure kinds.

Sources: RFC 4253 section 6.6 (ssh-rsa), RFC 5656 section 3.1 (ecdsa-sha2-*), RFC 8709 section 4 (ssh-ed25519), RFC
4251 section 5 (string, mpint); minimum RSA size of NIST SP 800-131A.
"""

import base64
import binascii
import hashlib
import re

from chalicelib.domain.cloud.ssh_keys.models import Algorithm, PublicKey
from chalicelib.kernel.dataclasses import dataclass

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 16384  # OpenSSH's own limit (OPENSSL_RSA_MAX_MODULUS_BITS)
MAX_TEXT_LENGTH = 16 * 1024
_PRIVATE = re.compile(r"BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File|openssh-key-v1|b3BlbnNzaC1rZXktdjE")
_ACCEPTED = "Use an ssh-ed25519, ecdsa-sha2-nistp256, -nistp384 or -nistp521 key, or ssh-rsa of 2048 bits or more."


class UnusableKey(ValueError):
    """The text is not an accepted public key. The message is for the customer, and does not quote the text."""


@dataclass(frozen=True)
class _Curve:
    """A NIST curve y² = x³ - 3x + b over a prime field (FIPS 186-4, appendix D.1.2)."""

    name: bytes
    prime: int
    b: int

    @property
    def size_bytes(self) -> int:
        return (self.prime.bit_length() + 7) // 8

    def holds(self, x: int, y: int) -> bool:
        """Whether (x, y) is a point of the curve."""
        p = self.prime
        return x < p and y < p and (y * y - (x * x * x - 3 * x + self.b)) % p == 0


_CURVES = {
    Algorithm.ECDSA_256: _Curve(
        b"nistp256",
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    ),
    Algorithm.ECDSA_384: _Curve(
        b"nistp384",
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    ),
    Algorithm.ECDSA_521: _Curve(
        b"nistp521",
        2**521 - 1,
        int(
            "0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E1"
            "56193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00",
            16,
        ),
    ),
}


def parse_public_key(text: str) -> PublicKey:
    """Parse `text`, one line in OpenSSH's format, without its comment.

    Raises:
        UnusableKey: says what is wrong and what to do.
    """
    if _PRIVATE.search(text):
        raise UnusableKey(
            "This is a private key: keep it to yourself, and paste the public one, from the file that ends in "
            ".pub. Now that it has been pasted into a form, consider making a new pair."
        )
    line = text.strip()
    if len(line.splitlines()) != 1:
        raise UnusableKey("Paste one public key, as the single line that the .pub file holds.")
    name, encoded, *_comment = [*line.split(maxsplit=2), "", ""]  # spaces or tabs, as sshd reads them
    try:
        algorithm = Algorithm(name)
    except ValueError:
        raise UnusableKey(f"This is not a kind of key that is taken, in OpenSSH's format. {_ACCEPTED}") from None
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise UnusableKey("The key is damaged: its middle part is not base64. Copy it again.") from None
    bits = _bits(algorithm, blob)
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return PublicKey(algorithm, bits, f"{name} {base64.b64encode(blob).decode()}", f"SHA256:{digest}")


def _bits(algorithm: Algorithm, blob: bytes) -> int:
    """Return the size of the key in `blob`; raises if it is incomplete or invalid."""
    parts = _strings(blob)
    if not parts or parts[0] != algorithm.encode():
        raise _damaged()
    match parts[1:]:
        case [point] if algorithm is Algorithm.ED25519:
            return _ed25519_bits(point)
        case [exponent, modulus] if algorithm is Algorithm.RSA:
            return _rsa_bits(_mpint(exponent), _mpint(modulus))
        case [curve, point] if algorithm in _CURVES:
            return _ecdsa_bits(_CURVES[algorithm], curve, point)
        case _:
            raise _damaged()


def _ed25519_bits(point: bytes) -> int:
    if len(point) != 32:
        raise _damaged()
    return 256


def _rsa_bits(exponent: int, modulus: int) -> int:
    if modulus % 2 == 0 or exponent % 2 == 0 or not 3 <= exponent < modulus:
        raise _damaged()
    bits = modulus.bit_length()
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        raise UnusableKey(f"This RSA key has {bits} bits. {_ACCEPTED}")
    return bits


def _ecdsa_bits(curve: _Curve, name: bytes, point: bytes) -> int:
    """Return the size of an ECDSA key. RFC 5656 allows compressed points; OpenSSH reads and writes only
    uncompressed ones.
    """
    size = curve.size_bytes
    if name != curve.name or len(point) != 1 + 2 * size or point[0] != 4:
        raise _damaged()
    if not curve.holds(int.from_bytes(point[1 : 1 + size]), int.from_bytes(point[1 + size :])):
        raise _damaged()
    return curve.prime.bit_length()


def _strings(blob: bytes) -> list[bytes]:
    """Split `blob` into its strings, with nothing left over (RFC 4251)."""
    strings = []
    while blob:
        length, blob = int.from_bytes(blob[:4]), blob[4:] if len(blob) >= 4 else b""
        if length > len(blob):
            raise _damaged()
        strings.append(blob[:length])
        blob = blob[length:]
    return strings


def _mpint(data: bytes) -> int:
    """Parse a positive integer in the only form that RFC 4251 allows."""
    value = int.from_bytes(data, signed=True)
    if value <= 0 or data != value.to_bytes(value.bit_length() // 8 + 1):
        raise _damaged()
    return value


def _damaged() -> UnusableKey:
    return UnusableKey("The key is damaged: it does not hold what its kind needs. Copy it again.")
