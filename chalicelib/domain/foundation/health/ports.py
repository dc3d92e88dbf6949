"""What the health report needs from outside."""

from collections.abc import Sequence
from typing import Protocol


class Probe(Protocol):
    """Asks one dependency."""

    @property
    def name(self) -> str:
        """The dependency's name, such as `table`."""
        ...

    def ask(self) -> "Sequence[Probe]":
        """Ask for something small; any exception says that the dependency is not well.

        Returns the probes of what only this answer made known, such as the regions of a provider.
        """
        ...
