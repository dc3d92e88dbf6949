"""Functions by the names that the registry gives them, wherever they are deployed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """The functions of `installation`, which stand in stacks named after it."""

    installation: str

    def has(self, deployed: str) -> bool:
        """Whether the function is one of ours."""
        return deployed.startswith(f"{self.installation}-")

    def of(self, deployed: str) -> str:
        """`hearth-people-login` is `login`; the name of another's function stays as it is."""
        return deployed.rpartition("-")[2] if self.has(deployed) else deployed
