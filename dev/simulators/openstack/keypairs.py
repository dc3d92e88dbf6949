"""SSH public keys."""

import base64
import binascii
import hashlib


def fingerprint(public_key: str) -> str:
    """The MD5 fingerprint of an OpenSSH public key, in Nova's format.

    Raises:
        ValueError: the text is not such a key.
    """
    words = public_key.split()
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (IndexError, binascii.Error) as error:
        raise ValueError("not an OpenSSH public key") from error
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[index : index + 2] for index in range(0, len(digest), 2))
