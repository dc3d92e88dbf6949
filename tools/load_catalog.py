"""Load the catalogue's data into the table: `python -m tools.load_catalog [--overlay FILE]`.

Loading again changes nothing; what is no longer listed is removed. A price that is in force cannot be changed, but
from a moment on that lies ahead; see catalog/README.md. The table is the one that `TABLE_NAME` and
the AWS variables lead to, as for a function.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from chalicelib.domain.cloud.catalog.prices import PricesRefused
from chalicelib.wiring.app import app
from tools.catalog_data import CATALOG, CatalogError, read_catalog


def main(arguments: Sequence[str] | None = None) -> int:
    """Load; 0 when the table holds the data, 1 when the data cannot be used, or a price must not change so."""
    parser = argparse.ArgumentParser(description="Load the catalogue's data into the table.")
    parser.add_argument("--catalog", type=Path, default=CATALOG, help="folder of the data")
    parser.add_argument("--overlay", type=Path, help="what differs at this target")
    options = parser.parse_args(arguments)
    try:
        catalog = read_catalog(options.catalog, options.overlay)
        loaded = app().cloud.catalog_loader.load(catalog)
    except (CatalogError, PricesRefused) as error:
        print(error, file=sys.stderr)
        return 1
    counts = {
        "regions": catalog.regions,
        "instance types": catalog.instance_types,
        "images": catalog.images,
        "storage plans": catalog.storage_plans,
    }
    listed = ", ".join(f"{len(entries)} {what}" for what, entries in counts.items())
    print(f"{listed}; {loaded.entries} entries changed")
    for name in sorted(loaded.prices):
        print(f"{name} has another future now; customers whose machines run are told")
    return 0


if __name__ == "__main__":
    sys.exit(main())
