"""`python -m dev.simulators.stripe.localstripe_server`: localstripe on loopback, with a given state file.

localstripe's own command listens on every interface, and uses one state file for the whole machine. Here it takes
a free port on 127.0.0.1, prints it, and ends when its standard input ends.
"""

import argparse
import asyncio
import contextlib
import os
import pickle
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from aiohttp import web
from localstripe import resources, server

SAVE_INTERVAL_SECONDS: Final = 3.0


def _load(path: Path) -> None:
    if path.exists():
        resources.store.update(pickle.loads(path.read_bytes()))


def _save(path: Path) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(pickle.dumps(dict(resources.store), protocol=pickle.HIGHEST_PROTOCOL))
    new.replace(path)


def _keeping(path: Path) -> Callable[[web.Application], AsyncIterator[None]]:
    async def keep(app: web.Application) -> AsyncIterator[None]:
        async def now_and_then() -> None:
            while True:
                await asyncio.sleep(SAVE_INTERVAL_SECONDS)
                _save(path)

        saving = asyncio.create_task(now_and_then())
        yield
        saving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await saving
        _save(path)

    return keep


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve until SIGTERM, or until standard input ends."""
    parser = argparse.ArgumentParser(
        prog="python -m dev.simulators.stripe.localstripe_server", description=__doc__
    )
    parser.add_argument("--state", type=Path, help="file in which the state outlives the process")
    state: Path | None = parser.parse_args().state

    resources.Store.dump_to_disk = lambda store: None
    if state is not None:
        _load(state)
        server.app.cleanup_ctx.append(_keeping(state))
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    web.run_app(server.app, sock=listener, print=None, access_log=None, shutdown_timeout=1)


if __name__ == "__main__":
    main()
