"""Ports for closing customers and exporting data, besides the records of other contexts."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.money.top_ups.models import PaymentMethod
from chalicelib.domain.operations.departure.models import Closing, DataExport, Member
from chalicelib.domain.people.accounts.models import User
from chalicelib.kernel.transactions import Write

CUSTOMER_OPEN = "customer_open"
NO_MACHINES = "no_machines"
NOTHING_IN_FLIGHT = "nothing_in_flight"
ADDRESS_UNCHANGED = "address_unchanged"


class ClosingRecords(Protocol):
    """Stored closings, in the customer's partition. Single reads are strongly consistent."""

    def get(self, customer_id: str) -> Closing | None:
        """Return the customer's closing, if it was closed."""
        ...

    def close(self, closing: Closing) -> Sequence[Write]:
        """Close the customer permanently, and queue its erasure.

        Ends automatic top-ups. Asserts CUSTOMER_OPEN (neither closed nor blocked), NO_MACHINES (no slot is taken),
        and NOTHING_IN_FLIGHT (no saved card is being charged).
        """
        ...

    def free_address(self, user: User) -> Write:
        """Release the user's address, so that anybody can register with it; asserts ADDRESS_UNCHANGED."""
        ...

    def to_erase(self) -> Iterator[Closing]:
        """Yield closings whose erasure is not finished. The index is eventually consistent."""
        ...

    def erased(self, closing: Closing, at: datetime) -> Write:
        """Record that the erasure is finished."""
        ...


class RemainingData(Protocol):
    """Erases the remaining data. Each call can be repeated, and continues where an earlier call stopped."""

    def erase_customer(self, customer_id: str) -> int:
        """Delete the customer's own data that need not be kept, and its name; return the number of deleted
        items.
        """
        ...

    def erase_traces(self, customer_id: str) -> int:
        """Delete IP addresses and names of people from the activity log; return the number of changed entries."""
        ...

    def erase_members(self, customer_id: str) -> int:
        """Delete the remaining memberships; return their number."""
        ...

    def erase_user(self, user_id: str) -> int:
        """Delete all data about a user, and release the addresses reserved for them; return the number of
        items.
        """
        ...


class FinalInvoice(Protocol):
    """Issues the last invoice."""

    def issue_now(self, customer_id: str) -> object:
        """Invoice everything that is not invoiced yet, without waiting for the end of the month.

        Raises:
            Conflict: everything is invoiced already.
        """
        ...

    def is_behind(self, customer_id: str) -> bool:
        """Whether a past month is not invoiced yet."""
        ...


class SavedCards(Protocol):
    """A customer's cards, as stored by the gateway."""

    def are_offered(self) -> bool:
        """Whether this installation has a gateway that stores cards."""
        ...

    def list(self, customer_id: str) -> Sequence[PaymentMethod]:
        """Return the customer's payment methods."""
        ...

    def forget(self, customer_id: str, method_id: str) -> None:
        """Delete a payment method at the gateway.

        Raises:
            NotFound: it does not exist any more.
        """
        ...


class ExportRecords(Protocol):
    """Stored exports, in the user's partition. Single reads are strongly consistent."""

    def get(self, user_id: str, export_id: str) -> DataExport | None:
        """Return the user's export, or None."""
        ...

    def insert(self, export: DataExport) -> Write:
        """Add an export that waits to be made."""
        ...

    def replace(self, before: DataExport, after: DataExport) -> Write:
        """Replace an export; asserts EXPORT_TAKEN: no other attempt has begun since `before` was read."""
        ...

    def waiting(self) -> Iterator[DataExport]:
        """Yield exports that are neither ready nor failed. The index is eventually consistent."""
        ...


class Archives(Protocol):
    """Writes ZIP files as a stream, never holding a whole one in memory."""

    def write(self, key: str, members: Iterator[Member], at: datetime) -> int:
        """Store a ZIP of `members` with the date `at`, replacing the file at `key`; return its size in bytes."""
        ...

    def link(self, key: str, file_name: str, life_seconds: int) -> str:
        """Return a URL that downloads the file as `file_name`, for any holder, for `life_seconds`."""
        ...
