"""A customer's referral code. It is derived from the customer's id, so every customer has one from the start.

It has nine characters of Crockford's alphabet (https://www.crockford.com/base32.html), which has no look-alikes,
and a check character: Luhn's algorithm modulo 32 detects every single wrong character.
"""

import hashlib
from collections.abc import Sequence

from chalicelib.kernel.errors import InvalidInput

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BASE = len(_ALPHABET)
_CHARACTERS = 9
_ALIKE = str.maketrans("OIL", "011", " -")


def code_of(customer_id: str) -> str:
    """The code of a customer, as it is stored: ten characters. The id cannot be derived from it."""
    digest = hashlib.sha256(f"referral:{customer_id}".encode()).digest()
    number = int.from_bytes(digest)
    values = [number >> 5 * place & _BASE - 1 for place in range(_CHARACTERS)]
    return "".join(_ALPHABET[value] for value in (*values, _check(values)))


def shown(code: str) -> str:
    """`code` as it is shown to people: two groups of five."""
    return f"{code[:5]}-{code[5:]}"


def parse_code(text: str) -> str:
    """The code in what a person typed: in any case, with or without hyphens, with O for 0 and I or L for 1.

    Raises:
        InvalidInput: `text` is not a code, or has a typing error.
    """
    code = text.upper().translate(_ALIKE)
    values = [_ALPHABET.find(character) for character in code]
    if len(code) != _CHARACTERS + 1 or -1 in values or _check(values[:-1]) != values[-1]:
        raise InvalidInput.of("code", "This is no referral code; look for a typing error.")
    return code


def _check(values: Sequence[int]) -> int:
    """The value that makes Luhn's sum a multiple of the base."""
    total = 0
    for place, value in enumerate(reversed(values)):
        doubled = value * 2 if place % 2 == 0 else value
        total += doubled // _BASE + doubled % _BASE
    return -total % _BASE
