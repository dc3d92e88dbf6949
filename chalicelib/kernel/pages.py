"""Pages of lists. Repositories return pages by cursor; numbered pages, for staff, are cut out of those."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.limits import DEFAULT_PAGE_ITEMS, MAX_NUMBERED_ITEMS, MAX_PAGE_ITEMS

T = TypeVar("T")
_MAX_READS = 20
"""Most reads by cursor for one numbered page: filters can make pages short."""


@dataclass(frozen=True)
class PageRequest:
    """The part of a list that a caller asks for: at most `limit` items after `cursor`."""

    limit: int = DEFAULT_PAGE_ITEMS
    cursor: str | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """One part of a list; `next_cursor` is None on the last page."""

    items: Sequence[T]
    next_cursor: str | None = None


@dataclass(frozen=True)
class NumberedPage(Generic[T]):
    """One page of a list that is cut into pages of `size` items."""

    items: Sequence[T]
    number: int
    """The page's number; the first is 1."""
    size: int
    total: int
    """The number of items in the list, or a lower bound of it (see `is_total_exact`)."""
    is_total_exact: bool
    """Whether all items were counted. Counting stops at MAX_NUMBERED_ITEMS."""


def every_item(read: Callable[[PageRequest], Page[T]]) -> Iterator[T]:
    """All items of the list that `read` reads by cursor."""
    page = read(PageRequest(MAX_PAGE_ITEMS))
    yield from page.items
    while page.next_cursor is not None:
        page = read(PageRequest(MAX_PAGE_ITEMS, page.next_cursor))
        yield from page.items


def numbered_page(read: Callable[[PageRequest], Page[T]], number: int, size: int) -> NumberedPage[T]:
    """Page `number` of the list that `read` reads by cursor.

    It reads from the start and stops counting at MAX_NUMBERED_ITEMS, so that the cost is bounded and the total is
    never an estimate.

    Raises:
        InvalidInput: the page lies beyond MAX_NUMBERED_ITEMS; callers can get there with a cursor.
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
