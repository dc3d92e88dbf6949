"""The port by which other contexts send mail to customers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.people.accounts.models import LetterKind
from chalicelib.kernel.transactions import Write


class CustomerMail(Protocol):
    """Letters to the members of a customer."""

    def to_customer(
        self, customer_id: str, kind: LetterKind, values: Mapping[str, str], at: datetime
    ) -> Sequence[Write]:
        """Return Writes that request a letter to each member who manages the customer's money."""
        ...
