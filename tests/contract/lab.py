"""What the contract suite needs of a cloud besides the provider: levers that cause what it must survive."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.cloud.providers.machines import MachineRef, MachineSpec
from chalicelib.domain.cloud.providers.ports import ComputeProvider

PLACEMENTS = "two placements"
QUOTA = "a quota that can be set"
REVOCATION = "tokens that can be revoked"
BLOCKING = "a part that blocks a deletion"
CAPACITY = "capacity that can be read"


@dataclass(frozen=True)
class Specs:
    """Machines that a lab can, or cannot, build."""

    ordinary: MachineSpec
    with_volume: MachineSpec
    windows: MachineSpec
    gpu: MachineSpec
    gpu_class: str
    """The resource class of which `gpu` takes one unit."""
    too_big: MachineSpec
    """No host has room for it."""


class Lab(Protocol):
    """A cloud to try a provider on. What the suite makes in it, the suite deletes."""

    region: str
    specs: Specs
    poll_seconds: float
    """Between two looks at a machine."""
    patience_seconds: float
    """No machine takes longer to build, to fail or to go."""

    def provider(
        self, installation: str, *, placements: Collection[str] = (), limit: int = 512
    ) -> ComputeProvider:
        """A provider for `installation`, with room for `limit` machines in each of `placements` (default: all)."""
        ...

    def placements(self) -> list[str]:
        """Where machines can go; only the suite uses them where there are two."""
        ...

    def without_quota(self, placement: str) -> Callable[[], None]:
        """Take the quota for machines away; the answer gives it back."""
        ...

    def revoke_token(self, provider: ComputeProvider, placement: str) -> None:
        """Revoke the token that `provider` holds, and return once the cloud refuses it."""
        ...

    def block_deletion(self, ref: MachineRef) -> Callable[[], None]:
        """Make the deletion of a machine fail until its blocker is removed; the answer removes what is left."""
        ...

    def close(self) -> None:
        """Delete what the lab itself made."""
        ...
