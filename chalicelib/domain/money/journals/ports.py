"""What a journal needs to know of accounts."""

from typing import Protocol


class Chart(Protocol):
    """The chart of accounts of one bookkeeper: maps the ledger's accounts to accounts of a journal."""

    sign: int
    """1 if a customer's balance is an asset in these books, −1 if it is a liability."""

    def own(self, customer_id: str) -> str:
        """The journal account for the balance of this customer."""
        ...

    def other(self, account: str) -> str:
        """The journal account for the counterpart of an entry; `account` is its name in the ledger."""
        ...
