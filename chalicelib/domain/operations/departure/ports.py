"""What leaving needs from outside, besides the records of the other contexts."""

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
    """Closings, in the customer's own partition. Single reads are strongly consistent."""

    def get(self, customer_id: str) -> Closing | None:
        """The customer's closing, if it was closed."""
        ...

    def close(self, closing: Closing) -> Sequence[Write]:
        """Close the customer for good, and let its erasure wait to be done.

        Its automatic top-up ends. Asserts CUSTOMER_OPEN (neither closed nor blocked), NO_MACHINES (no slot is
        taken), and NOTHING_IN_FLIGHT (no saved card is being charged).
        """
        ...

    def free_address(self, user: User) -> Write:
        """Let nobody sign in with the user's address, and anybody register with it; asserts ADDRESS_UNCHANGED."""
        ...

    def to_erase(self) -> Iterator[Closing]:
        """Closings whose erasure is not done; the index may lag behind by moments."""
        ...

    def erased(self, closing: Closing, at: datetime) -> Write:
        """Note that nothing is left to be erased."""
        ...


class Remains(Protocol):
    """What is left of those who have gone. Each call can be repeated, and goes on where an earlier one ended."""

    def erase_customer(self, customer_id: str) -> int:
        """Remove what is a customer's own and need not be kept, and its name; how many items were removed."""
        ...

    def erase_traces(self, customer_id: str) -> int:
        """Remove from the activity log where requests came from, and whom they name; how many entries had any."""
        ...

    def erase_members(self, customer_id: str) -> int:
        """Remove the memberships that are left; how many there were."""
        ...

    def erase_user(self, user_id: str) -> int:
        """Remove everything about a person, and free the addresses that were kept for them; how many items."""
        ...


class FinalInvoice(Protocol):
    """Invoices what is on no invoice yet."""

    def issue_now(self, customer_id: str) -> object:
        """Issue it without waiting for the month's end.

        Raises:
            Conflict: everything is invoiced.
        """
        ...

    def is_behind(self, customer_id: str) -> bool:
        """Whether a month that has ended is not invoiced."""
        ...


class SavedCards(Protocol):
    """What the gateway keeps of a customer's cards."""

    def are_offered(self) -> bool:
        """Whether this installation has a gateway that keeps cards."""
        ...

    def list(self, customer_id: str) -> Sequence[PaymentMethod]:
        """The customer's methods."""
        ...

    def forget(self, customer_id: str, method_id: str) -> None:
        """Remove a method from the gateway.

        Raises:
            NotFound: it is gone.
        """
        ...


class ExportRecords(Protocol):
    """Exports, beside the person whose they are. Single reads are strongly consistent."""

    def get(self, user_id: str, export_id: str) -> DataExport | None:
        """The person's export; a stranger's is not found."""
        ...

    def insert(self, export: DataExport) -> Write:
        """Keep a new one, and let it wait to be made."""
        ...

    def replace(self, before: DataExport, after: DataExport) -> Write:
        """Change one; asserts EXPORT_TAKEN has not happened: nobody else has made an attempt since `before`."""
        ...

    def waiting(self) -> Iterator[DataExport]:
        """Those that are neither ready nor failed; the index may lag behind by moments."""
        ...


class Archives(Protocol):
    """Writes ZIP files, without ever holding one whole."""

    def write(self, key: str, members: Iterator[Member], at: datetime) -> int:
        """Put a ZIP of `members`, dated `at`, in place of what was at `key`; its size in bytes."""
        ...

    def link(self, key: str, file_name: str, life_seconds: int) -> str:
        """A URL that gives the file, under `file_name`, to anybody who has it, for `life_seconds`."""
        ...
