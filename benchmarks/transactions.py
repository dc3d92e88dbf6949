"""Compares transactions with plain writes: time, and the capacity that AWS charges."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.timing import Table, in_turns
from tests.support.engine import Engine
from tests.support.settings import TABLE_NAME

_ROUNDS = 200
_SIZES = (1, 3, 7, 25, 100)
_ITEM_BYTES = 300
_numbers = itertools.count()


def run(engine: Engine) -> Table:
    """Compare single puts, batches of separate puts, and transactions."""
    variants: dict[str, Callable[[], Any]] = {"put, 1 item": lambda: _put(engine, 1)}
    for size in _SIZES:
        variants[f"transaction, {_items(size)}"] = lambda size=size: _transact(engine, size)  # type: ignore[misc]
    timings = in_turns(variants, _ROUNDS)
    units = {"put, 1 item": _put(engine, 1)} | {
        f"transaction, {_items(size)}": _transact(engine, size) for size in _SIZES
    }
    single = timings["put, 1 item"].median_us
    rows = [
        [
            name,
            f"{timing.median_us / 1000:.3f}",
            f"{timing.p95_us / 1000:.3f}",
            f"{timing.median_us / single:.1f}",
            f"{timing.median_us / single / _size_of(name):.2f}",
            f"{units[name]:g}",
        ]
        for name, timing in timings.items()
    ]
    columns = ("", "median ms", "p95 ms", "ratio", "ratio per item", "WCU")
    return Table("Writing together", columns, rows, "A transaction costs twice the capacity, and is one request.")


def _items(size: int) -> str:
    return f"{size} item{'s' if size > 1 else ''}"


def _size_of(name: str) -> int:
    return int(name.split()[1])


def _new_items(size: int) -> Sequence[dict[str, Any]]:
    return [
        {
            "pk": {"S": f"BENCH#{next(_numbers)}"},
            "sk": {"S": "-"},
            "kind": {"S": "BENCH"},
            "filling": {"S": "x" * _ITEM_BYTES},
        }
        for _ in range(size)
    ]


def _put(engine: Engine, size: int) -> float:
    """Put `size` items, one request each; return the consumed write capacity."""
    return sum(
        engine.client.put_item(TableName=TABLE_NAME, Item=item, ReturnConsumedCapacity="TOTAL")[
            "ConsumedCapacity"
        ]["CapacityUnits"]
        for item in _new_items(size)
    )


def _transact(engine: Engine, size: int) -> float:
    """Put `size` new items in one transaction; return the consumed write capacity."""
    writes: Any = [
        {"Put": {"TableName": TABLE_NAME, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}
        for item in _new_items(size)
    ]
    answer = engine.client.transact_write_items(TransactItems=writes, ReturnConsumedCapacity="TOTAL")
    return sum(consumed["CapacityUnits"] for consumed in answer["ConsumedCapacity"])
