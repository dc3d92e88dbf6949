"""The parts that every area uses: settings, clock, transactions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from chalicelib.kernel.clock import Clock, SystemClock
from chalicelib.wiring.settings import Settings

if TYPE_CHECKING:
    from chalicelib.kernel.transactions import Transactor

Parts = Mapping[str, object]
"""Parts of a container by name, which replace those that it would build."""

NO_PARTS: Parts = MappingProxyType({})


class Container:
    """Builds each part on first use, and keeps it.

    A part is imported only when it is built, so that a Lambda function imports only what it uses.
    """

    def __init__(self, given: Parts) -> None:
        """Use the parts in `given` instead of building them.

        Raises:
            ValueError: the container has no part of that name.
        """
        for name, part in given.items():
            if not hasattr(type(self), name):
                raise ValueError(f"{type(self).__name__} has no part called {name}")
            vars(self)[name] = part


class Core(Container):
    """The parts that all areas share."""

    @cached_property
    def settings(self) -> Settings:
        """The settings of this installation, from the environment."""
        return Settings.from_environment()

    @cached_property
    def clock(self) -> Clock:
        """The source of time."""
        return SystemClock()

    @cached_property
    def transactor(self) -> Transactor:
        """Commits writes, all or none."""
        from chalicelib.adapters.dynamodb.transactor import DynamoTransactor

        return DynamoTransactor()
