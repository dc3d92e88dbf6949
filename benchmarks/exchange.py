"""`python -m benchmarks.exchange <module> <function> <event as JSON>`: one exchange, in this fresh process.

The status goes to the standard error; the process then ends without tearing down what it has imported, as a
Lambda does not either.
"""

import json
import os
import sys
from importlib import import_module


def main() -> None:
    """Import the module as Lambda does, and hand its function the event."""
    module, function, event = sys.argv[1:]
    answer = getattr(import_module(module), function)(json.loads(event), None)
    sys.stdout.flush()
    sys.stderr.write(str(answer["statusCode"]))
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
