"""What bank transfers need from outside."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from chalicelib.domain.money.bank.models import (
    Transfer,
    UnmatchedTransfer,
)
from chalicelib.domain.money.top_ups.ports import Gateway
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write


@runtime_checkable
class SupportsTransfers(Protocol):
    """A gateway that can report money that names no top-up, so that it can be queued."""

    @property
    def accounts(self) -> frozenset[str]:
        """Our accounts that receive transfers, as `references.normalized` writes them."""
        ...

    def transfer(self, provider_id: str) -> Transfer | None:
        """The transfer with the bank's id `provider_id`, as a notice names it; None if it is not booked yet.

        Raises:
            GatewayError: there is no such transfer, or the bank does not answer.
        """
        ...

    def transfers(self, provider_id: str) -> Sequence[Transfer]:
        """The booked transfers of a notice: `provider_id` is a reference, or the bank's id of one transfer.

        Raises:
            GatewayError: there is no such reference or transfer, or the bank does not answer.
        """
        ...


NEW_TRANSFER = "new_transfer"
TRANSFER_UNCHANGED = "transfer_unchanged"


class UnmatchedTransferRecords(Protocol):
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


class Bank(Gateway, SupportsTransfers, Protocol):
    """A gateway for bank transfers."""
