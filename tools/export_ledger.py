"""Export the whole ledger of the operator: `python -m tools.export_ledger [--format …] [--output FILE]`.

`TABLE_NAME` and the AWS variables select the table, as for a function. The table is only read.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from chalicelib.domain.money.journals.journals import ExportFormat
from chalicelib.wiring.app import app


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the journal to a file, or to standard output."""
    parser = argparse.ArgumentParser(description="Write the whole ledger as a journal.")
    parser.add_argument("--format", type=ExportFormat, choices=list(ExportFormat), default=ExportFormat.BEANCOUNT)
    parser.add_argument("--output", type=Path, help="a file; otherwise the standard output")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        output = stack.enter_context(options.output.open("w", newline="")) if options.output else sys.stdout
        for piece in app().money.exports.of_everybody(options.format):
            output.write(piece)
    return 0


if __name__ == "__main__":
    sys.exit(main())
