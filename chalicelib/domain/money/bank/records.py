"""Port to the storage of the staff's queue of transfers."""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.money.bank.matching import UnmatchedTransfer
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

NEW_TRANSFER = "new_transfer"
TRANSFER_UNCHANGED = "transfer_unchanged"


class TransferRecords(Protocol):
    """Stores transfers that match no top-up. Single reads are strongly consistent."""

    def transfer(self, transfer_id: str) -> UnmatchedTransfer | None:
        """The transfer of this id, decided or not; None if it was never queued."""
        ...

    def waiting(self, page: PageRequest) -> Page[UnmatchedTransfer]:
        """The transfers that wait for a decision, oldest first; the index may be out of date by a moment."""
        ...

    def insert_transfer(self, transfer: UnmatchedTransfer) -> Sequence[Write]:
        """Add a transfer to the queue; asserts NEW_TRANSFER."""
        ...

    def replace_transfer(self, before: UnmatchedTransfer, after: UnmatchedTransfer) -> Sequence[Write]:
        """Change a transfer in the queue; asserts TRANSFER_UNCHANGED."""
        ...
