"""`python -m benchmarks [name …]`: run benchmarks and print their tables."""

import argparse
import os
from importlib import import_module

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.timing import Table
from tests.support import settings
from tests.support.engine import running_engine

BENCHMARKS = ("door", "transactions", "metering", "changes", "imports", "first_exchange", "first_exchanges")

_WIDTH = 120


def main() -> None:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", default=BENCHMARKS, help=", ".join(BENCHMARKS))
    names = parser.parse_args().name
    settings.apply()  # before any module of the product is imported
    with running_engine() as engine:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = engine.url
        for name in names:
            engine.fresh_table()
            _show(import_module(f"benchmarks.{name}").run(engine))


def _show(outcome: Table) -> None:
    table = RichTable(title=outcome.title, title_justify="left", caption=outcome.note, caption_justify="left")
    for position, column in enumerate(outcome.columns):
        table.add_column(column, justify="right" if position else "left")
    for row in outcome.rows:
        table.add_row(*row)
    Console(width=_WIDTH).print(table)


if __name__ == "__main__":
    main()
