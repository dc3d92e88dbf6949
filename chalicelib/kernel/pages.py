"""Cursor pages: how every list leaves a repository. Pages with numbers, for staff, are cut out of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.limits import DEFAULT_PAGE_ITEMS, MAX_NUMBERED_ITEMS, MAX_PAGE_ITEMS

T = TypeVar("T")
_MAX_READS = 20
"""Of pages by cursor for one with a number: filters make some of them short."""


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


@dataclass(frozen=True)
class NumberedPage(Generic[T]):
    """One of the pages that a list has when it is cut into pieces of `size`."""

    items: Sequence[T]
    number: int
    """The first is 1."""
    size: int
    total: int
    """How many items the list has, or at least has."""
    is_total_exact: bool
    """Whether all of them were counted: nobody counts beyond MAX_NUMBERED_ITEMS."""


def every_item(read: Callable[[PageRequest], Page[T]]) -> Iterator[T]:
    """All items of the list that `read` reads by cursor."""
    page = read(PageRequest(MAX_PAGE_ITEMS))
    yield from page.items
    while page.next_cursor is not None:
        page = read(PageRequest(MAX_PAGE_ITEMS, page.next_cursor))
        yield from page.items


def numbered_page(read: Callable[[PageRequest], Page[T]], number: int, size: int) -> NumberedPage[T]:
    """Page `number` of the list that `read` reads by cursor.

    It reads from the start and counts no further than MAX_NUMBERED_ITEMS, so that its cost has a bound and its
    total is never a guess.

    Raises:
        InvalidInput: the page lies beyond what is counted; a cursor goes there.
    """
    if number * size > MAX_NUMBERED_ITEMS:
        raise InvalidInput.of("page", f"Pages go up to {MAX_NUMBERED_ITEMS} items; read on with a cursor.")
    found: list[T] = []
    cursor: str | None = None
    for _ in range(_MAX_READS):
        page = read(PageRequest(MAX_PAGE_ITEMS, cursor))
        found += page.items
        cursor = page.next_cursor
        if cursor is None or len(found) >= MAX_NUMBERED_ITEMS:
            break
    end = number * size
    is_exact = cursor is None and len(found) <= MAX_NUMBERED_ITEMS
    return NumberedPage(found[end - size : end], number, size, min(len(found), MAX_NUMBERED_ITEMS), is_exact)
