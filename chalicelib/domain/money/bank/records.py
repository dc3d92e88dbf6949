"""Where money in the staff's queue is kept: the port to the table."""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.money.bank.matching import UnmatchedTransfer
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

NEW_TRANSFER = "new_transfer"
TRANSFER_UNCHANGED = "transfer_unchanged"


class TransferRecords(Protocol):
    """Transfers that nobody could match. Single reads are strongly consistent."""

    def transfer(self, transfer_id: str) -> UnmatchedTransfer | None:
        """One by its id, decided or not."""
        ...

    def waiting(self, page: PageRequest) -> Page[UnmatchedTransfer]:
        """Those that nobody has decided about, oldest first; the index may lag behind by moments."""
        ...

    def insert_transfer(self, transfer: UnmatchedTransfer) -> Sequence[Write]:
        """Put one into the queue; asserts NEW_TRANSFER."""
        ...

    def replace_transfer(self, before: UnmatchedTransfer, after: UnmatchedTransfer) -> Sequence[Write]:
        """Change one; asserts TRANSFER_UNCHANGED."""
        ...
