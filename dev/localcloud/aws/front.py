"""The front door: stable addresses of what is deployed: `/api/…`, `/webhooks/<name>` and `/websocket`.

It rewrites addresses to those under which ministack serves the API's domain, the function URLs and the WebSocket
API. As API Gateway does, it tells functions the IP address of the connection.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dev.localcloud.aws.asgi import Application, Receive, Scope, Send, respond_json

SOURCE_HEADER = b"x-local-source-ip"
"""A header by which tests set their IP address; AWS has no such header."""


class FrontDoor:
    """Rewrites requests by the table in `routes` and passes them to `inner`."""

    def __init__(self, inner: Application, routes: Path) -> None:
        self._inner = inner
        self._routes = routes
        self._read_at: float | None = None
        self._table: dict[str, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or connection."""
        target = self._target(scope["path"], scope["type"])
        if target is None:
            await self._refuse(scope, receive, send)
            return
        is_api = target == scope["path"]
        replaced = {*_ADDRESS_HEADERS, *([b"host"] if is_api else [])}
        headers = [(name, value) for name, value in scope["headers"] if name not in replaced]
        headers.append((b"x-forwarded-for", _source(scope)))
        if is_api:
            headers.append((b"host", self._table["domain"].encode()))
        raw = scope.get("raw_path") if is_api else None
        rewritten = {**scope, "path": target, "raw_path": raw or _percent_encoded(target), "headers": headers}
        await self._inner(rewritten, receive, send)

    def _target(self, path: str, kind: str) -> str | None:
        routes = self._current()
        if kind == "websocket":
            api = routes.get("websocket")
            return f"/_aws/execute-api/{api}/api" if path.rstrip("/") == "/websocket" and api else None
        first, _, rest = path.lstrip("/").partition("/")
        if first == "api" and routes.get("domain"):
            return path  # the domain's mappings select one of the REST APIs
        if first == "webhooks":
            name, _, below = rest.partition("/")
            url = routes.get("webhooks", {}).get(name)
            return f"/_aws/lambda-url/{url}/{below}" if url else None
        return None

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        message = "There is nothing here: see /api, /webhooks/<name> and /websocket."
        await respond_json(send, 404, {"success": False, "error": {"code": "NOT_FOUND", "message": message}})

    def _current(self) -> dict[str, Any]:
        """The table of routes, read again after a deployment has changed it."""
        try:
            written_at = self._routes.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if written_at != self._read_at:
            self._table = json.loads(self._routes.read_text())
            self._read_at = written_at
        return self._table


_ADDRESS_HEADERS = frozenset({b"x-forwarded-for", SOURCE_HEADER})


_PATH_CHARACTERS = "/:@!$&'()*+,;=~"
"""The characters of a path that need no encoding, besides letters, digits and `-._` (RFC 3986, section 3.3)."""


def _percent_encoded(path: str) -> bytes:
    return quote(path, safe=_PATH_CHARACTERS).encode()


def _source(scope: Scope) -> bytes:
    pretended = [value for name, value in scope["headers"] if name == SOURCE_HEADER]
    client = scope.get("client") or ("127.0.0.1", 0)
    return bytes(pretended[0]) if pretended else str(client[0]).encode()
