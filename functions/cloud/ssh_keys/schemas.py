"""Requests and responses of the SSH key endpoints."""

from datetime import datetime
from typing import Self

from pydantic import Field

from chalicelib.domain.cloud.ssh_keys.models import Algorithm, SshKey
from chalicelib.domain.cloud.ssh_keys.public_keys import MAX_TEXT_LENGTH
from chalicelib.domain.cloud.ssh_keys.service import MAX_NAME_LENGTH
from chalicelib.http import ApiModel
from chalicelib.http.models import id_of
from chalicelib.kernel.ids import Kind

SshKeyId = id_of(Kind.SSH_KEY)


class SshKeyRequest(ApiModel):
    """A public key to store."""

    name: str = Field(
        min_length=1,
        max_length=MAX_NAME_LENGTH,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Unique among the customer's keys, whatever the case of its letters",
        examples=["laptop"],
    )
    public_key: str = Field(
        min_length=1,
        max_length=MAX_TEXT_LENGTH,
        description="One line in OpenSSH's format: Ed25519, ECDSA, or RSA of 2048 bits or more",
        examples=["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF/dBdkpu05uTJROrCBcxP9qagmuaM1aHkLy+Hcp5l4r me@laptop"],
    )


class SshKeyView(ApiModel):
    """A public key that new machines can be given."""

    id: str = Field(examples=["key_01J…"])
    name: str = Field(examples=["laptop"])
    algorithm: Algorithm
    bits: int = Field(examples=[256])
    fingerprint: str = Field(
        description="As `ssh-keygen -l` shows it", examples=["SHA256:/5jV4YOUYGUaHPQ7gm5GZAPiWlq/BqYFHGEQhN/7xzs"]
    )
    public_key: str = Field(description="Without its comment")
    created_at: datetime

    @classmethod
    def of(cls, ssh_key: SshKey) -> Self:
        """The view of `ssh_key`."""
        return cls(
            id=ssh_key.id,
            name=ssh_key.name,
            algorithm=ssh_key.key.algorithm,
            bits=ssh_key.key.bits,
            fingerprint=ssh_key.key.fingerprint,
            public_key=ssh_key.key.text,
            created_at=ssh_key.created_at,
        )


class SshKeyDeleted(ApiModel):
    """A deleted key."""

    id: str = Field(examples=["key_01J…"])
