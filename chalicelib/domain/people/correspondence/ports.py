"""What others need of the correspondence."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.people.accounts.models import LetterKind
from chalicelib.kernel.transactions import Write


class CustomerMail(Protocol):
    """Letters to the people of a customer."""

    def to_customer(
        self, customer_id: str, kind: LetterKind, values: Mapping[str, str], at: datetime
    ) -> Sequence[Write]:
        """The writes that ask for a letter to each who looks after the customer's money."""
        ...
