"""Ports of SSH keys."""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.cloud.ssh_keys.models import SshKey
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

KEY_THERE = "ssh_key_there"
NAME_FREE = "ssh_key_name_free"
FINGERPRINT_FREE = "ssh_key_fingerprint_free"
ROOM_LEFT = "ssh_key_room_left"


class SshKeyRecords(Protocol):
    """Stored SSH keys."""

    def list(self, customer_id: str, page: PageRequest) -> Page[SshKey]:
        """Return a customer's keys, oldest first."""
        ...

    def get(self, customer_id: str, ssh_key_id: str) -> SshKey | None:
        """Return one key of the customer, or None (strongly consistent)."""
        ...

    def insert(self, ssh_key: SshKey, limit: int) -> Sequence[Write]:
        """Add a key; asserts NAME_FREE (ignoring case), FINGERPRINT_FREE and ROOM_LEFT (fewer than `limit`)."""
        ...

    def remove(self, ssh_key: SshKey) -> Sequence[Write]:
        """Delete a key; asserts KEY_THERE."""
        ...
