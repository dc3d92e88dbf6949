"""Load the catalogue's data into the table: `python -m tools.load_catalog [--overlay FILE]`.

Loading the same data again changes nothing; entries that are no longer listed are removed. A price that is in
force can only be changed from a future moment on; see catalog/README.md. `TABLE_NAME` and the AWS variables select
the table, as for a function.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from chalicelib.domain.cloud.catalog.prices import PricesRefused
from chalicelib.wiring.app import app
from tools.catalog_data import CATALOG, CatalogError, read_catalog


def main(arguments: Sequence[str] | None = None) -> int:
    """Load; return 0 if the table holds the data, 1 if the data is invalid or changes a price that is in force."""
    parser = argparse.ArgumentParser(description="Load the catalogue's data into the table.")
    parser.add_argument("--catalog", type=Path, default=CATALOG, help="folder of the data")
    parser.add_argument("--overlay", type=Path, help="the overlay for this target")
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
