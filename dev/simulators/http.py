"""A small threaded HTTP/1.1 server on loopback, which all simulators use.

The application is one function from `Request` to `Response`. It may also return `Disconnect`, which web frameworks
do not offer, and which fault injection needs.
"""

import contextlib
import json
import socket
import struct
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

Json = Any
"""Any value that `json.loads` returns."""

HIGHEST_BODY_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    """One request; `path` is decoded, header names are in lower case."""

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters; the last one if a name is repeated."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    def json(self) -> Json:
        """The body as JSON.

        Raises:
            ValueError: the body is not JSON.
        """
        return json.loads(self.body)


@dataclass
class Response:
    """One answer: `body` is sent as JSON, or unchanged if it is text; None sends no body."""

    status: int
    body: Json = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Disconnect:
    """No answer: the connection is closed, or torn down with a TCP reset."""

    reset: bool = False


class Refused(Exception):
    """A request that a service refuses; each service has a subclass with its own format."""

    @property
    def response(self) -> Response:
        """The error answer."""
        raise NotImplementedError


Application = Callable[[Request], Response | Disconnect]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Send head and body in one segment; otherwise Nagle and delayed ACK cost 40 ms on each answer.
    wbufsize = -1
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        try:
            answer = cast("LoopbackServer", self.server).application(self._read())
        except Exception:
            # A bug in the simulator must not look like a broken connection, which is a fault that it injects.
            traceback.print_exc()
            answer = Response(500, {"error": {"code": 500, "title": "Simulator Error", "message": "see its log"}})
        if isinstance(answer, Disconnect):
            self._disconnect(answer)
        else:
            self._send(answer)

    def __getattr__(self, name: str) -> Callable[[], None]:
        # The base class looks for do_GET, do_POST and so on; all methods are handled alike.
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _read(self) -> Request:
        url = urlsplit(self.path)
        length = min(int(self.headers.get("Content-Length") or 0), HIGHEST_BODY_BYTES)
        return Request(
            method=self.command,
            path=unquote(url.path),
            query_string=url.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
        )

    def _send(self, answer: Response) -> None:
        headers = dict(answer.headers)
        if answer.body is None:
            content = b""
        elif isinstance(answer.body, str):
            content = answer.body.encode()
            headers.setdefault("Content-Type", "text/html; charset=UTF-8")
        else:
            content = json.dumps(answer.body).encode()
            headers.setdefault("Content-Type", "application/json")
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and answer.status != 204:
            self.wfile.write(content)
        self.wfile.flush()

    def _disconnect(self, how: Disconnect) -> None:
        self.close_connection = True
        if how.reset:
            # A linger of zero seconds makes close() send RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def finish(self) -> None:
        # After a disconnect on either side, flushing would fail.
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's signature
        """Log nothing: the simulators have their own request log."""


class LoopbackServer(ThreadingHTTPServer):
    """Serves one application on 127.0.0.1. Port 0 takes a free one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, application: Application, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.application = application
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """The server's URL, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> str:
        """Serve from a background thread; return the base URL."""
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="simulator", daemon=True)
        self._thread.start()
        return self.base_url

    def stop(self) -> None:
        """Stop listening. Unfinished answers are not waited for."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
            self._thread = None
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect; print every other error."""
        import sys

        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(cast("socket.socket", request), client_address)
