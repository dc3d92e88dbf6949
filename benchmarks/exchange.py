"""`python -m benchmarks.exchange <module> <function> <event as JSON>`: run one exchange in this fresh process.

It writes the status to standard error. The process then ends without cleaning up its imports, as a Lambda does.
"""

import json
import os
import sys
from importlib import import_module


def main() -> None:
    """Import the module as Lambda does, and call its function with the event."""
    module, function, event = sys.argv[1:]
    answer = getattr(import_module(module), function)(json.loads(event), None)
    sys.stdout.flush()
    sys.stderr.write(str(answer["statusCode"]))
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
