"""Stored SSH keys."""

from datetime import datetime
from enum import StrEnum

from chalicelib.kernel.dataclasses import dataclass


class Algorithm(StrEnum):
    """The accepted kinds of keys."""

    ED25519 = "ssh-ed25519"
    ECDSA_256 = "ecdsa-sha2-nistp256"
    ECDSA_384 = "ecdsa-sha2-nistp384"
    ECDSA_521 = "ecdsa-sha2-nistp521"
    RSA = "ssh-rsa"


@dataclass(frozen=True)
class PublicKey:
    """A valid public key."""

    algorithm: Algorithm
    bits: int
    text: str
    """`<algorithm> <base64>`, without the comment."""
    fingerprint: str
    """As printed by `ssh-keygen -l`: `SHA256:…`."""


@dataclass(frozen=True)
class SshKey:
    """A named public key of a customer."""

    id: str
    customer_id: str
    name: str
    key: PublicKey
    created_at: datetime
