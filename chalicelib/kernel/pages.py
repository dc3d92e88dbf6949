"""Cursor pages: how every list leaves a repository."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from chalicelib.kernel.limits import DEFAULT_PAGE_ITEMS

T = TypeVar("T")


@dataclass(frozen=True)
class PageRequest:
    """Which part of a list is wanted: at most `limit` items after `cursor`."""

    limit: int = DEFAULT_PAGE_ITEMS
    cursor: str | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """A part of a list; `next_cursor` is None at its end."""

    items: Sequence[T]
    next_cursor: str | None = None
