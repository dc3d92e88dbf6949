"""Load the catalogue's data into the table: `python -m tools.load_catalog [--overlay FILE]`.

Loading again changes nothing; what is no longer listed is removed. The table is the one that `TABLE_NAME` and
the AWS variables lead to, as for a function.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from chalicelib.adapters.dynamodb.catalog import DynamoCatalogRecords
from chalicelib.adapters.dynamodb.transactor import DynamoTransactor
from tools.catalog_data import CATALOG, CatalogError, read_catalog


def main(arguments: Sequence[str] | None = None) -> int:
    """Load; 0 when the table holds the data, 1 when the data cannot be used."""
    parser = argparse.ArgumentParser(description="Load the catalogue's data into the table.")
    parser.add_argument("--catalog", type=Path, default=CATALOG, help="folder of the data")
    parser.add_argument("--overlay", type=Path, help="what differs at this target")
    options = parser.parse_args(arguments)
    try:
        catalog = read_catalog(options.catalog, options.overlay)
    except CatalogError as error:
        print(error, file=sys.stderr)
        return 1
    changed = DynamoCatalogRecords(DynamoTransactor()).replace(catalog)
    print(
        f"{len(catalog.regions)} regions, {len(catalog.instance_types)} instance types, "
        f"{len(catalog.images)} images, {len(catalog.storage_plans)} storage plans; {changed} entries changed"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
