"""The composition root: chooses the adapter for each port, in one container for each area."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.wiring.area import Above
from chalicelib.wiring.core import NO_PARTS, Core, Parts

if TYPE_CHECKING:
    from chalicelib.wiring.cloud import Cloud
    from chalicelib.wiring.foundation import Foundation
    from chalicelib.wiring.money.invoices import Money
    from chalicelib.wiring.operations import Operations
    from chalicelib.wiring.people.organisations import People


class App:
    """The whole product. An area is imported and built on first use."""

    def __init__(self, given: Mapping[str, Parts] | None = None) -> None:
        """Use the parts in `given`, by area and name, instead of building them: `{"core": {"clock": clock}}`."""
        self._given = dict(given or {})
        self._above = Above(
            accounts=lambda: self.money.ledger,
            machines=lambda: self.cloud.deployment_records,
            projects=lambda: self.cloud.projects,
            standing=lambda: self.cloud.suspensions,
        )

    def having(self, given: Mapping[str, Parts]) -> App:
        """A new app with the parts that were given to this one, and those in `given`."""
        merged = {area: {**self._parts(area), **given.get(area, NO_PARTS)} for area in self._given.keys() | given}
        return App(merged)

    def _parts(self, area: str) -> Parts:
        return self._given.get(area, NO_PARTS)

    @cached_property
    def core(self) -> Core:
        """The parts that every area uses."""
        return Core(self._parts("core"))

    @cached_property
    def foundation(self) -> Foundation:
        """Access, approvals, activity and health."""
        from chalicelib.wiring.foundation import Foundation

        return Foundation(self.core, self._parts("foundation"), self._above)

    @cached_property
    def people(self) -> People:
        """Users, organisations and staff."""
        from chalicelib.wiring.people.organisations import People

        return People(self.core, self._parts("people"), self.foundation, self._above)

    @cached_property
    def money(self) -> Money:
        """The ledger and all that moves money."""
        from chalicelib.wiring.money.invoices import Money

        return Money(self.core, self._parts("money"), self.foundation, self.people, self._above)

    @cached_property
    def cloud(self) -> Cloud:
        """Providers, the catalogue, and deployments."""
        from chalicelib.wiring.cloud import Cloud

        return Cloud(self.core, self._parts("cloud"), self.foundation, self.people, self.money)

    @cached_property
    def operations(self) -> Operations:
        """The customer directory, closing accounts, and the proof of the ledger."""
        from chalicelib.wiring.operations import Operations

        return Operations(
            self.core, self._parts("operations"), self.foundation, self.people, self.money, self.cloud
        )


_in_use: list[App] = []


def app() -> App:
    """The product of this process; built on first use."""
    if not _in_use:
        _in_use.append(App())
    return _in_use[0]


def use(other: App) -> None:
    """Make `other` the product of this process; for tests and tools that replace parts."""
    _in_use[:] = [other]
