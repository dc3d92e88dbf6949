"""Recovery codes, which replace the authenticator app when it is lost.

There are ten, of 80 random bits each. A fast hash is enough for them, as for other random secrets (`tokens`): 80
bits cannot be searched, however cheap a guess is.
"""

import re
import secrets
from collections.abc import Sequence

from chalicelib.kernel.hashing import hash_of

RECOVERY_CODES = 10
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base32, without letters that look like digits or like each other."""
_LENGTH = 16
_GROUP = 4
_LOOKALIKES = str.maketrans("oil", "011")
_NORMAL = re.compile(f"[{_ALPHABET}]{{{_LENGTH}}}")
_SEPARATORS = re.compile(r"[\s-]+")


def new_recovery_codes() -> Sequence[str]:
    """Return ten new codes, such as `7k2m-x9qd-w4hr-0abc`."""
    return tuple(_new_code() for _ in range(RECOVERY_CODES))


def recovery_code_of(typed: str) -> str | None:
    """Return `typed` in the normal form of a code, or None; ignores case and hyphens, and corrects look-alikes."""
    plain = _SEPARATORS.sub("", typed.lower()).translate(_LOOKALIKES)
    return plain if _NORMAL.fullmatch(plain) else None


def recovery_hash(user_id: str, code: str) -> str:
    """Return the hash of a code for storage; it depends on the user, so that equal codes of two users differ.

    Raises:
        ValueError: `code` is not a recovery code.
    """
    plain = recovery_code_of(code)
    if plain is None:
        raise ValueError("this is not a recovery code")
    return hash_of(f"{user_id}:{plain}")


def _new_code() -> str:
    text = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return "-".join(text[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))
