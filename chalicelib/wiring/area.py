"""The base of all areas' containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.kernel.dataclasses import dataclass
from chalicelib.wiring.core import Container, Core, Parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.adapters.dynamodb.cloud.deployments import DynamoDeploymentRecords
    from chalicelib.domain.cloud.projects.service import Projects
    from chalicelib.domain.cloud.suspension.service import Suspensions
    from chalicelib.domain.money.ledger.service import Ledger


@dataclass(frozen=True)
class Above:
    """Parts of a higher area that implement a port of a lower one; built on first use."""

    accounts: Callable[[], Ledger]
    """Opens the ledger account of a new customer."""
    machines: Callable[[], DynamoDeploymentRecords]
    """Tells the names of machines, and shows their prices."""
    projects: Callable[[], Projects]
    """Tells to which projects an API key can be confined."""
    standing: Callable[[], Suspensions]
    """Tells whether a customer is in good standing."""


class Area(Container):
    """The container of one area: its services, and the adapters for their ports."""

    def __init__(self, core: Core, given: Parts) -> None:
        super().__init__(given)
        self.core = core
