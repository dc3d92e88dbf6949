"""What SSH keys need from outside."""

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
    """Where SSH keys are kept."""

    def list(self, customer_id: str, page: PageRequest) -> Page[SshKey]:
        """A customer's keys, oldest first."""
        ...

    def get(self, customer_id: str, ssh_key_id: str) -> SshKey | None:
        """One key, strongly consistent; a stranger's is not found."""
        ...

    def insert(self, ssh_key: SshKey, limit: int) -> Sequence[Write]:
        """Keep a new key; asserts NAME_FREE (in any case), FINGERPRINT_FREE and ROOM_LEFT below `limit`."""
        ...

    def remove(self, ssh_key: SshKey) -> Sequence[Write]:
        """Forget a key; asserts KEY_THERE."""
        ...
