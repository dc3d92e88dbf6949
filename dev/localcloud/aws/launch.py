"""Starts the local AWS; `dev/localcloud/supervisor.py` runs it as a child with its settings in the environment.

It saves its state and ends at SIGTERM, and also when its standard input closes, so that it never outlives the
process that started it.
"""

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import boto3
import hypercorn.asyncio
import hypercorn.config
import ministack.app

from dev.localcloud.aws import patches
from dev.localcloud.aws.asgi import Application, Receive, Scope, Send
from dev.localcloud.aws.control import Cloud, Control
from dev.localcloud.aws.front import FrontDoor
from dev.localcloud.aws.invoker import Invoker
from dev.localcloud.aws.mailbox import Mailbox
from dev.localcloud.aws.names import Names
from dev.localcloud.aws.streams import StreamPoller
from dev.localcloud.aws.workers import Pool

_GRACE_SECONDS = 2.0


def by_port(inner: Application, others: dict[int, Application]) -> Application:
    """An application that passes requests on by their port; lifespan events go to `inner`."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        server = scope.get("server")
        chosen = others.get(server[1], inner) if server else inner
        await chosen(scope, receive, send)

    return application


def client(service: str) -> Any:
    """A boto3 client of the AWS that this process serves."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        region_name=os.environ["MINISTACK_REGION"],
        aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    )


async def serve(application: Application, ports: list[int]) -> None:
    """Serve until SIGTERM or until standard input closes."""
    config = hypercorn.config.Config()
    config.bind = [f"127.0.0.1:{port}" for port in ports]
    config.keep_alive_timeout = 75
    config.graceful_timeout = _GRACE_SECONDS
    config.loglevel = "WARNING"
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGINT, stopped.set)

    def watch_parent() -> None:
        while sys.stdin.buffer.read(1):
            continue
        loop.call_soon_threadsafe(stopped.set)

    threading.Thread(target=watch_parent, daemon=True, name="watch-parent").start()
    await hypercorn.asyncio.serve(application, config, shutdown_trigger=stopped.wait)  # type: ignore[arg-type]


def main() -> None:
    """Patch ministack and serve it."""
    home = Path(os.environ["HEARTH_HOME"])
    aws, api, control, mailbox = (int(port) for port in os.environ["HEARTH_PORTS"].split(","))
    pool = Pool(home / "cache" / "unpacked", os.environ["AWS_ENDPOINT_URL"], patches.role_credentials)
    pool.trees.prune()
    log = home / "logs" / "functions.log"
    names = Names(os.environ["HEARTH_INSTALLATION"])
    invoker = Invoker(pool, names, log, patches.layer_archive, patches.throttled)
    patches.apply(invoker, StreamPoller(), float(os.environ.get("SFN_WAIT_SCALE", "1")))

    def warm() -> None:
        for layers in patches.attached_layers():
            pool.warm([patches.layer_archive(layer) for layer in layers])

    ports: dict[int, Application] = {
        api: FrontDoor(ministack.app.app, home / "routes.json"),
        control: Control(Cloud(names, client), warm),
        mailbox: Mailbox(patches.sent_mail, patches.forget_mail),
    }
    try:
        asyncio.run(serve(by_port(ministack.app.app, ports), [aws, *ports]))
    finally:
        pool.close()


if __name__ == "__main__":
    main()
