"""Writes `docs/openapi.json` from the endpoints; with `--check`, only compares it with them."""

import argparse
import json
import sys
from pathlib import Path

from chalicelib.http.openapi import document
from chalicelib.runtime.registry import load_all

PATH = Path(__file__).parents[1] / "docs/openapi.json"


def generated() -> str:
    """The document as text."""
    return json.dumps(document(load_all()), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the document, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if the file is out of date")
    if not parser.parse_args().check:
        PATH.write_text(generated())
    elif not PATH.exists() or PATH.read_text() != generated():
        sys.exit("docs/openapi.json is not what the endpoints declare: run `python -m tools.openapi`.")


if __name__ == "__main__":
    main()
