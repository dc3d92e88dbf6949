"""Who belongs where changes one at a time, so that what was decided on is still so when it is written."""

from dataclasses import dataclass
from typing import Protocol

from chalicelib.kernel.transactions import Write

ROSTER_UNCHANGED = "roster_unchanged"
MEMBER_UNCHANGED = "member_unchanged"
STAFF = "staff"
"""The place of the operator's own people, beside customers' ids."""
MAX_JOINED_MEMBERS = 99
"""Besides the owner: all members fit into one read."""
MAX_JOINED_CUSTOMERS = 49
"""Besides the one that a person registers with."""


@dataclass(frozen=True)
class Roster:
    """How often the people of a place (or the places of a person) have changed, and how many have joined."""

    version: int
    joined: int
    """Besides the first, which there was before anybody counted."""


class Rosters(Protocol):
    """One roster for each customer, one for each person, and one for the staff."""

    def get(self, owner: str) -> Roster:
        """The roster of a customer, a person (their ids), or STAFF; strongly consistent, empty at first."""
        ...

    def change(self, owner: str, roster: Roster, *, joined: int = 0) -> Write:
        """Note a change, and how many more have `joined`; asserts ROSTER_UNCHANGED since `roster` was read."""
        ...
