"""The ports of the health report."""

from collections.abc import Sequence
from typing import Protocol


class Probe(Protocol):
    """Checks one dependency."""

    @property
    def name(self) -> str:
        """The dependency's name, such as `table`."""
        ...

    def ask(self) -> "Sequence[Probe]":
        """Make a small request; an exception means that the dependency is unhealthy.

        Returns further probes that this answer makes possible, such as those of a provider's regions.
        """
        ...
