"""Let the ledger prove itself (G12): `python -m tools.verify_ledger [--json]`.

The table is the one that `TABLE_NAME` and the AWS variables lead to, as for a function. Nothing is written.
"""

import argparse
import sys
from collections.abc import Sequence

from chalicelib import bootstrap
from chalicelib.adapters.aws.reports import as_json
from chalicelib.kernel.money import format_amount
from chalicelib.proof.models import Report


def main(arguments: Sequence[str] | None = None) -> int:
    """Prove; 0 when everything agrees, 1 when something does not."""
    parser = argparse.ArgumentParser(description="Let the ledger prove itself.")
    parser.add_argument("--json", action="store_true", help="print the report as the daily proof keeps it")
    options = parser.parse_args(arguments)
    report = bootstrap.proof().run()
    print(as_json(report).decode() if options.json else in_words(report))
    return 0 if report.holds else 1


def in_words(report: Report) -> str:
    """The report for people."""
    totals = report.totals
    counts = {
        "customers": totals.customers,
        "entries": totals.entries,
        "deployments": totals.deployments,
        "usage intervals": totals.intervals,
        "open meters": totals.open_meters,
        "holds": totals.holds,
    }
    amounts = {"customers": totals.customers_micros, **dict(sorted(totals.operator_micros.items()))}
    amounts["together"] = sum(amounts.values())
    lines = [", ".join(f"{count} {name}" for name, count in counts.items())]
    lines += [f"{name:>20}  {format_amount(amount):>16} USD" for name, amount in amounts.items()]
    lines += [f"{found.customer_id or 'everybody'}: {found.sentence}" for found in report.differences]
    verdict = "The ledger proves itself." if report.holds else f"{report.difference_count} differences."
    return "\n".join([*lines, verdict])


if __name__ == "__main__":
    sys.exit(main())
