"""Numbered pages of a list that is read by cursor."""

import pytest

from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.limits import MAX_NUMBERED_ITEMS
from chalicelib.kernel.pages import Page, PageRequest, numbered_page


class Numbers:
    """A list of numbers that counts its reads."""

    def __init__(self, count: int, *, hides: bool = False) -> None:
        self.count = count
        self.hides = hides
        self.reads = 0

    def read(self, page: PageRequest) -> Page[int]:
        """Return a page; with `hides`, the page has no items."""
        self.reads += 1
        start = int(page.cursor or 0)
        end = min(start + page.limit, self.count)
        items = [] if self.hides else list(range(start, end))
        return Page(items, str(end) if end < self.count else None)


@pytest.mark.parametrize(("number", "items"), [(1, [0, 1, 2]), (2, [3, 4, 5]), (3, [6]), (4, [])])
def test_pages_tile_the_list(number: int, items: list[int]) -> None:
    page = numbered_page(Numbers(7).read, number, 3)
    assert (list(page.items), page.total, page.is_total_exact) == (items, 7, True)


@pytest.mark.parametrize(
    ("count", "total", "is_exact"), [(0, 0, True), (999, 999, True), (1000, 1000, True), (1001, 1000, False)]
)
def test_a_total_is_never_a_guess(count: int, total: int, is_exact: bool) -> None:
    page = numbered_page(Numbers(count).read, 1, 25)
    assert (page.total, page.is_total_exact) == (total, is_exact)


def test_nobody_reads_further_than_is_counted() -> None:
    endless = Numbers(10**9)
    assert list(numbered_page(endless.read, 40, 25).items) == list(range(975, 1000))
    assert endless.reads == MAX_NUMBERED_ITEMS // 100
    with pytest.raises(InvalidInput):
        numbered_page(endless.read, 41, 25)


def test_a_list_that_hides_most_is_not_read_for_ever() -> None:
    hidden = Numbers(10**9, hides=True)
    page = numbered_page(hidden.read, 1, 25)
    assert (list(page.items), page.total, page.is_total_exact) == ([], 0, False)
    assert hidden.reads == 20
