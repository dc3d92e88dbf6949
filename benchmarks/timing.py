"""Measures variants in turns, so that other load of the machine affects all of them alike."""

import os
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

_WARM_UP_ROUNDS = 3


@dataclass(frozen=True)
class Table:
    """The result of one benchmark."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Timing:
    """The times of one variant, in microseconds."""

    median_us: float
    p95_us: float
    calls: float
    """The number of requests to AWS in one run."""


def in_turns(variants: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, Timing]:
    """Run every variant `rounds` times, one after the other in each round."""
    taken: dict[str, list[int]] = {name: [] for name in variants}
    calls = dict.fromkeys(variants, 0)
    with muted(), counted_calls() as counter:
        for round_ in range(-_WARM_UP_ROUNDS, rounds):
            for name, variant in variants.items():
                counter.clear()
                began = perf_counter_ns()
                variant()
                elapsed = perf_counter_ns() - began
                if round_ >= 0:
                    taken[name].append(elapsed)
                    calls[name] += len(counter)
    return {name: _timing(times, calls[name]) for name, times in taken.items()}


def _timing(times_ns: Sequence[int], calls: int) -> Timing:
    p95 = statistics.quantiles(times_ns, n=20)[-1]
    return Timing(statistics.median(times_ns) / 1000, p95 / 1000, calls / len(times_ns))


@contextmanager
def counted_calls() -> Iterator[list[str]]:
    """Yield a list that gets the name of every AWS operation called in the block."""
    made: list[str] = []
    original = vars(BaseClient)["_make_api_call"]

    def counting(client: Any, operation: str, arguments: Any) -> Any:
        made.append(operation)
        return original(client, operation, arguments)

    with patch.object(BaseClient, "_make_api_call", counting):
        yield made


@contextmanager
def muted() -> Iterator[None]:
    """Write log lines and metrics as usual, so that their cost counts, but not to the screen."""
    sys.stdout.flush()
    screen = os.dup(1)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(screen, 1)
            os.close(screen)


def compared(title: str, timings: Mapping[str, Timing], note: str = "") -> Table:
    """A table of `timings`, with each as a multiple of the first."""
    first = next(iter(timings.values())).median_us
    rows = [
        [
            name,
            f"{timing.median_us / 1000:.3f}",
            f"{timing.p95_us / 1000:.3f}",
            f"{timing.median_us / first:.1f}",
            f"{timing.calls:.1f}",
        ]
        for name, timing in timings.items()
    ]
    return Table(title, ("", "median ms", "p95 ms", "ratio", "AWS calls"), rows, note)
