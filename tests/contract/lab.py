"""The lab of the contract suite for providers: a cloud, and levers that cause the faults it must handle."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.cloud.providers.models import MachineRef, MachineSpec
from chalicelib.domain.cloud.providers.ports import ComputeProvider

PLACEMENTS = "two placements"
QUOTA = "a quota that can be set"
REVOCATION = "tokens that can be revoked"
BLOCKING = "a part that blocks a deletion"
CAPACITY = "capacity that can be read"


@dataclass(frozen=True)
class Specs:
    """Specifications of machines that a lab can build, and of some that it cannot."""

    ordinary: MachineSpec
    with_volume: MachineSpec
    windows: MachineSpec
    gpu: MachineSpec
    gpu_class: str
    """The resource class of which the machine `gpu` takes one unit."""
    too_big: MachineSpec
    """A machine for which no host has room."""


class Lab(Protocol):
    """A cloud for testing a provider. The suite deletes everything that it makes."""

    region: str
    specs: Specs
    poll_seconds: float
    """The pause between two reads of a machine."""
    patience_seconds: float
    """The longest time that a machine takes to build, to fail or to disappear."""

    def provider(
        self, installation: str, *, placements: Collection[str] = (), limit: int = 512
    ) -> ComputeProvider:
        """A provider for `installation`, with room for `limit` machines in each of `placements` (default: all)."""
        ...

    def placements(self) -> list[str]:
        """The places for machines; if there are two, only the suite uses them."""
        ...

    def without_quota(self, placement: str) -> Callable[[], None]:
        """Set the quota for machines to zero; return a function that restores it."""
        ...

    def revoke_token(self, provider: ComputeProvider, placement: str) -> None:
        """Revoke the token of `provider`, and wait until the cloud refuses it."""
        ...

    def block_deletion(self, ref: MachineRef) -> Callable[[], None]:
        """Make the deletion of a machine fail until its blocker is removed; return a function that removes the
        rest.
        """
        ...

    def close(self) -> None:
        """Delete everything that the lab made."""
        ...
