"""Runs localstripe as a child process, and sends requests to it."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from dev.simulators.http import Json

_ROOT: Final = Path(__file__).parents[3]
_API_KEY: Final = "sk_test_behind_the_simulator"
_TIMEOUT_SECONDS: Final = 10
_ALL: Final = "1000000"
"""localstripe has no limit for page sizes."""


class BackendRefused(Exception):
    """localstripe answered with an error."""

    def __init__(self, status: int, error: dict[str, Json]) -> None:
        super().__init__(f"{status} {error}")
        self.status = status
        self.error = error


class Backend:
    """A localstripe process of our own."""

    def __init__(self, state_path: Path | None = None) -> None:
        self._state_path = state_path
        self._process: subprocess.Popen[bytes] | None = None
        self.base_url = ""

    def start(self) -> None:
        """Start it and wait until it listens.

        Raises:
            RuntimeError: it ended at once.
        """
        command = [sys.executable, "-m", "dev.simulators.stripe.localstripe_server"]
        if self._state_path is not None:
            command += ["--state", str(self._state_path)]
        self._process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line.strip().isdigit():
            self.stop()
            raise RuntimeError("localstripe did not start")
        self.base_url = f"http://127.0.0.1:{int(line)}"
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        # The listener is open before the application is ready; the first request waits for it.
        self.list("customers")

    def stop(self) -> None:
        """Stop it, after it has saved its state."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        killer = threading.Timer(_TIMEOUT_SECONDS, process.kill)
        killer.start()
        process.wait()
        killer.cancel()

    def get(self, path: str, **query: str) -> dict[str, Json]:
        """The object at `path`.

        Raises:
            BackendRefused: there is none.
        """
        return self._call("GET", f"/v1/{path}" + (f"?{urlencode(query)}" if query else ""))

    def list(self, path: str, **query: str) -> list[dict[str, Json]]:
        """Every object of a kind, oldest first."""
        found: list[dict[str, Json]] = self.get(path, limit=_ALL, **query)["data"]
        return found

    def post(self, path: str, params: dict[str, Json] | None = None) -> dict[str, Json]:
        """Create or change an object.

        Raises:
            BackendRefused: localstripe refuses, or a card was declined.
        """
        return self._call("POST", f"/v1/{path}", params or {})

    def erase(self) -> None:
        """Forget everything."""
        self._call("DELETE", "/_config/data")

    def _call(self, method: str, path: str, params: dict[str, Json] | None = None) -> dict[str, Json]:
        request = urllib.request.Request(
            self.base_url + path,
            json.dumps(params).encode() if params is not None else None,
            {"Authorization": f"Bearer {_API_KEY}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
                content = answer.read()
        except urllib.error.HTTPError as refusal:
            raise BackendRefused(refusal.code, _error_of(refusal.read())) from None
        found: dict[str, Json] = json.loads(content) if content else {}
        return found


def _error_of(content: bytes) -> dict[str, Json]:
    try:
        error: dict[str, Json] = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        return {"message": content.decode(errors="replace")}
    return error
