"""What the containers of all areas have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.wiring.core import Container, Core, Parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.adapters.dynamodb.cloud.deployments import DynamoDeploymentRecords
    from chalicelib.domain.cloud.projects.service import Projects
    from chalicelib.domain.cloud.suspension.service import Suspensions
    from chalicelib.domain.money.ledger.service import Ledger


@dataclass(frozen=True)
class Above:
    """What stands in a higher area behind a port of a lower one; built when it is first asked for."""

    accounts: Callable[[], Ledger]
    """Opens the account of a new customer."""
    machines: Callable[[], DynamoDeploymentRecords]
    """Tells what machines are called, and shows their prices."""
    projects: Callable[[], Projects]
    """Knows which projects a key can be confined to."""
    standing: Callable[[], Suspensions]
    """Knows whether a customer is in good standing."""


class Area(Container):
    """The container of one area: its services, and what stands behind their ports."""

    def __init__(self, core: Core, given: Parts) -> None:
        super().__init__(given)
        self.core = core
