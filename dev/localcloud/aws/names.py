"""Finds deployed functions by their names in the registry."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """The names of functions of `installation`, whose stacks are named after it."""

    installation: str

    def has(self, deployed: str) -> bool:
        """Whether the deployed function belongs to the installation."""
        return deployed.startswith(f"{self.installation}-")

    def of(self, deployed: str) -> str:
        """The registry's name: `login` for `hearth-people-login`; names of other functions stay as they are."""
        return deployed.rpartition("-")[2] if self.has(deployed) else deployed
