"""Recovery codes: what lets somebody in who has lost the authenticator app.

Ten of 80 random bits each. What is kept is a fast hash, which is right for them as for other random secrets
(`tokens`): 80 bits cannot be searched, whatever a guess costs.
"""

import re
import secrets
from collections.abc import Sequence

from chalicelib.kernel.hashing import hash_of

RECOVERY_CODES = 10
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base32, which has no letters that look like digits or like each other."""
_LENGTH = 16
_GROUP = 4
_LOOKALIKES = str.maketrans("oil", "011")
_NORMAL = re.compile(f"[{_ALPHABET}]{{{_LENGTH}}}")
_SEPARATORS = re.compile(r"[\s-]+")


def new_recovery_codes() -> Sequence[str]:
    """Ten new ones, such as `7k2m-x9qd-w4hr-0abc`."""
    return tuple(_new_code() for _ in range(RECOVERY_CODES))


def recovery_code_of(typed: str) -> str | None:
    """`typed` as the code that it may be, whatever its case, its hyphens and its look-alikes; else None."""
    plain = _SEPARATORS.sub("", typed.lower()).translate(_LOOKALIKES)
    return plain if _NORMAL.fullmatch(plain) else None


def recovery_hash(user_id: str, code: str) -> str:
    """What is kept of a code, which says nothing to whoever has another person's codes.

    Raises:
        ValueError: it is no recovery code.
    """
    plain = recovery_code_of(code)
    if plain is None:
        raise ValueError("this is no recovery code")
    return hash_of(f"{user_id}:{plain}")


def _new_code() -> str:
    text = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return "-".join(text[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))
