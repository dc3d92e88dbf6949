"""`python -m tests.support.cold <modules…>`: answers requests, each in a process that has imported little before.

It imports what all functions of the API share, then reads lines of JSON, `[module, function, event]`. For each
it forks a process that hands the event to the function, and prints `[status, [modules…]]`: which of the given
modules, and of those of functions, this process then has.
"""

import json
import os
import sys
from importlib import import_module

import chalicelib.adapters.dynamodb.people.sessions
import chalicelib.http  # noqa: F401


def main() -> None:
    """Answer until the input ends."""
    watched = set(sys.argv[1:])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # log lines and metrics
    for line in sys.stdin:
        if os.fork() == 0:
            module, function, event = json.loads(line)
            status = getattr(import_module(module), function)(event, None)["statusCode"]
            loaded = {name for name in sys.modules if name in watched or name.startswith("functions.")}
            answers.write(json.dumps([status, sorted(loaded)]) + "\n")
            answers.flush()
            os._exit(0)
        os.wait()


if __name__ == "__main__":
    main()
