"""Pages of queries, with cursors. A cursor holds only sort keys: the partition always comes from the caller.

So a cursor that was changed, or that belongs to another list, can at worst start elsewhere in the same list, or be
refused; it never reaches another customer's items.
"""

import base64
import json
from collections.abc import Callable
from typing import Any, TypeVar

from pynamodb.exceptions import QueryError
from pynamodb.expressions.condition import Condition
from pynamodb.pagination import PageIterator

from chalicelib.adapters.dynamodb.table import Record
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.limits import MAX_CURSOR_LENGTH
from chalicelib.kernel.pages import Page, PageRequest

R = TypeVar("R", bound=Record)
T = TypeVar("T")

_INVALID_CURSOR = "This cursor is not valid for this list; start without one."
_MAX_READS = 10  # a filter may hide most items; a page then has fewer items, and a cursor


def encode_cursor(position: dict[str, str]) -> str:
    """Return an opaque, URL-safe text for a position in a list."""
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, names: frozenset[str]) -> dict[str, str]:
    """Decode the result of `encode_cursor`; the position must have exactly `names`.

    Raises:
        InvalidInput: the cursor is not one of ours, or belongs to another list.
    """
    invalid = InvalidInput.of("cursor", _INVALID_CURSOR)
    if len(cursor) > MAX_CURSOR_LENGTH:
        raise invalid
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise invalid from None
    if not isinstance(position, dict) or position.keys() != names:
        raise invalid
    if not all(isinstance(value, str) and 0 < len(value) <= 512 for value in position.values()):
        raise invalid
    return position


def query_page(
    model: type[R],
    partition: str,
    page: PageRequest,
    convert: Callable[[R], T],
    *,
    sort_key: Condition | None = None,
    index_name: str | None = None,
    filters: Condition | None = None,
    ascending: bool = True,
) -> Page[T]:
    """Return a page of the `model` items in `partition` of the table, or of the index `index_name`, converted.

    Args:
        sort_key: a condition on the sort key of the table or of the index.
        filters: hides items after they are read; a page takes at most ten reads.

    Raises:
        InvalidInput: the cursor does not belong to this list.
    """
    hash_name, *range_names = ("pk", "sk") if index_name is None else (f"{index_name}pk", f"{index_name}sk")
    key_names = frozenset(range_names) if index_name is None else frozenset({"pk", "sk", *range_names})
    start: dict[str, dict[str, str]] | None = None
    if page.cursor is not None:
        position = decode_cursor(page.cursor, key_names)
        start = {name: {"S": value} for name, value in position.items()} | {hash_name: {"S": partition}}
    reads = model.query(
        partition,
        sort_key,
        filters,
        index_name=index_name,
        scan_index_forward=ascending,
        page_size=page.limit + 1,  # one more shows whether another page follows
        last_evaluated_key=start,
    ).page_iter

    def cursor_at(keys: dict[str, dict[str, str]]) -> str:
        return encode_cursor({name: keys[name]["S"] for name in sorted(key_names)})

    items: list[T] = []
    for _ in range(_MAX_READS):
        found = _next_read(reads, tampered=start is not None)
        if found is None:
            return Page(items)
        for number, item in enumerate(found, start=1):
            items.append(convert(model.from_raw_data(item)))
            if len(items) == page.limit:
                more = number < len(found) or reads.last_evaluated_key is not None
                return Page(items, cursor_at(item) if more else None)
    return Page(items, cursor_at(reads.last_evaluated_key) if reads.last_evaluated_key else None)


def _next_read(reads: PageIterator[Any], *, tampered: bool) -> list[dict[str, dict[str, str]]] | None:
    """Return the raw items of the next read, or None at the end."""
    try:
        return list(next(reads)["Items"])
    except StopIteration:
        return None
    except QueryError as error:
        if tampered and error.cause_response_code == "ValidationException":
            raise InvalidInput.of("cursor", _INVALID_CURSOR) from error
        raise
