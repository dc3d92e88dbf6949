"""Encryption of secrets with a KMS key (G46)."""

import base64

from chalicelib.adapters.aws import clients


class KmsBox:
    """`SecretBox` with one KMS key. The owner of a secret is part of its encryption context.

    KMS does not decrypt under another context. So a sealed secret that is copied to another owner's item is
    useless, and CloudTrail records whose secret was decrypted.
    https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html
    """

    def __init__(self, key_id: str) -> None:
        self._key_id = key_id

    def seal(self, secret: str, owner: str) -> str:
        """Encrypt at most 4 KB; see `SecretBox.seal`."""
        sealed = clients.kms().encrypt(
            KeyId=self._key_id, Plaintext=secret.encode(), EncryptionContext=_context(owner)
        )
        return base64.b64encode(sealed["CiphertextBlob"]).decode()

    def open(self, sealed: str, owner: str) -> str:
        """Decrypt; see `SecretBox.open`."""
        opened = clients.kms().decrypt(
            KeyId=self._key_id, CiphertextBlob=base64.b64decode(sealed), EncryptionContext=_context(owner)
        )
        return opened["Plaintext"].decode()


def _context(owner: str) -> dict[str, str]:
    return {"owner": owner}
