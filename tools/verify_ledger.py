"""Run the proof of the ledger (G12): `python -m tools.verify_ledger [--json]`. It only reads.

`TABLE_NAME` and the AWS variables select the table, as for a function; without `TABLE_NAME`, it is the table of
the running local cloud.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from chalicelib.domain.operations.proof.models import Report
from chalicelib.kernel.money import format_amount
from tools.aim import aimed

_LOCAL_CLOUD = Path(__file__).parents[1] / ".local" / "endpoints.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the proof; return 0 if everything agrees, 1 if something does not, 2 if there is no table."""
    parser = argparse.ArgumentParser(description="Let the ledger prove itself.")
    parser.add_argument("--json", action="store_true", help="print the report as the daily proof keeps it")
    options = parser.parse_args(arguments)
    if "TABLE_NAME" not in os.environ and not aim_at_local_cloud(_LOCAL_CLOUD):
        print("Set TABLE_NAME, or start the local cloud: make up", file=sys.stderr)
        return 2
    # The records read TABLE_NAME when they are imported.
    from chalicelib.adapters.aws.reports import as_json
    from chalicelib.wiring.app import app

    report = app().operations.proof.run()
    print(as_json(report).decode() if options.json else in_words(report))
    return 0 if report.holds else 1


def aim_at_local_cloud(endpoints: Path) -> bool:
    """Set the environment for the local cloud that the file `endpoints` describes; return False if none runs."""
    if not endpoints.exists():
        return False
    cloud = json.loads(endpoints.read_text())
    aws = cloud["aws"]
    found = aimed(os.environ, aws["endpoint"], aws["region"], aws["accessKeyId"], aws["secretAccessKey"])
    os.environ.clear()
    os.environ.update(found | {"TABLE_NAME": cloud["table"]})
    return True


def in_words(report: Report) -> str:
    """The report as text."""
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
