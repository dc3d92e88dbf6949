"""Cold starts: the time to import each function's module in a fresh interpreter."""

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.timing import Table
from chalicelib.runtime.registry import load_all
from tests.support.engine import Engine
from tools.package import ROOT

_ROUNDS = 5
_EMPTY = "pass"
_YARDSTICK = "import boto3; boto3.client('dynamodb')"


def run(_: Engine) -> Table:
    """Compare every module of functions with an empty interpreter and with a bare DynamoDB client."""
    modules = sorted({function.module for function in load_all()})
    codes = {"an empty interpreter": _EMPTY, "boto3 and a DynamoDB client": _YARDSTICK} | {
        module: f"import {module}" for module in modules
    }
    taken: dict[str, list[float]] = {name: [] for name in codes}
    for round_ in range(-1, _ROUNDS):
        for name, code in codes.items():
            seconds = _seconds(code)
            if round_ >= 0:
                taken[name].append(seconds)
    medians = {name: statistics.median(times) for name, times in taken.items()}
    yardstick = medians["boto3 and a DynamoDB client"]
    rows: Sequence[Sequence[str]] = [
        [name, f"{seconds * 1000:.0f}", f"{seconds / yardstick:.2f}"] for name, seconds in medians.items()
    ]
    note = "Processor time. Adapters and their SDKs are imported later, by the first call that needs them."
    return Table("Cold imports", ("", "median ms", "ratio to boto3"), rows, note)


def _seconds(code: str) -> float:
    """The processor time that a fresh interpreter takes for `code`; other load of the machine does not count."""
    before = os.times()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)
