"""Processes identified by id and start time, so that a reused id is never taken for one of ours."""

import contextlib
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Process:
    """A process of the system."""

    pid: int
    started_at: float
    """The start in seconds since 1970, as the system reports it; unique together with `pid`."""

    @classmethod
    def of(cls, pid: int) -> "Process":
        """The running process `pid`.

        Raises:
            psutil.NoSuchProcess: it no longer runs.
        """
        return cls(pid, psutil.Process(pid).create_time())

    def alive(self) -> bool:
        """Whether this process still runs; another process with the same id does not count."""
        return self._handle() is not None

    def terminate(self) -> None:
        """Send SIGTERM."""
        handle = self._handle()
        if handle:
            with contextlib.suppress(psutil.NoSuchProcess):
                handle.terminate()

    def kill(self) -> None:
        """Send SIGKILL."""
        handle = self._handle()
        if handle:
            with contextlib.suppress(psutil.NoSuchProcess):
                handle.kill()

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for its end; return whether it ended in time."""
        deadline = time.monotonic() + timeout_seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def as_json(self) -> dict[str, float]:
        """The process as JSON, for the file of our processes."""
        return asdict(self)

    def _handle(self) -> psutil.Process | None:
        try:
            handle = psutil.Process(self.pid)
            same = handle.create_time() == self.started_at and handle.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return handle if same else None


def stop(process: Process, timeout_seconds: float) -> None:
    """End `process`: ask it to end, and kill it if it has not ended in time."""
    process.terminate()
    if not process.wait(timeout_seconds):
        process.kill()
        process.wait(timeout_seconds)


def start(command: list[str], environment: Mapping[str, str], log: Path, cwd: Path) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches only the supervisor.

    Its standard input is a pipe, which closes when the supervisor ends, even if it is killed.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            start_new_session=True,
        )
