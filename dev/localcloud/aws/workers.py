"""Execution environments: the folders of functions' code and layers, and the processes that run them.

ministack would start a process for each function, with the interpreter and packages of its own virtual
environment, and would unpack code and layers for each. Here they are unpacked once, compiled, and run isolated
(`sandbox.py`).
"""

import compileall
import fcntl
import hashlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import IO, Any, TextIO

_SANDBOX = Path(__file__).with_name("sandbox.py")
_TRUSTED = PycInvalidationMode.UNCHECKED_HASH
_MAX_IDLE_WORKERS = 64
"""Each takes about 50 MB. With fewer, the tests with faults for many customers wait for cold starts."""
_INITIALISATION_SECONDS = 30.0
_KEPT_TREES = 12
_ANSWER_BYTES = 64
_ON_MACOS = {"OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES"}
"""macOS ends a forked process that uses Apple's libraries, unless this is set; other systems ignore it."""


class WorkerDied(Exception):
    """The process ended without an answer."""


class WorkerTimedOut(Exception):
    """The invocation took longer than the function's timeout; its process was killed."""


def base_python() -> str:
    """The interpreter from which the virtual environment was made: it does not see the environment's packages."""
    return str(getattr(sys, "_base_executable", sys.executable))


class Trees:
    """Folders of unpacked archives, by the hash of their content; each archive is unpacked once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[bytes, Path] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def unpacked(self, archive: bytes) -> Path:
        """The folder with the content of `archive`."""
        with self._lock:
            if archive in self._known:  # Python caches this hash; SHA-256 takes longer than a fork
                return self._known[archive]
            digest = hashlib.sha256(archive).hexdigest()[:24]
            tree = self._folder / f"{digest}-{sys.implementation.cache_tag}"
            if not tree.exists():
                unfinished = tree.with_suffix(f".{os.getpid()}")
                with zipfile.ZipFile(io.BytesIO(archive)) as opened:
                    opened.extractall(unfinished)
                    precompiled = any(name.endswith(".pyc") for name in opened.namelist())
                if not precompiled:
                    compileall.compile_dir(unfinished, quiet=2, invalidation_mode=_TRUSTED)
                unfinished.rename(tree)
            self._known[archive] = tree
        return tree

    def prune(self) -> None:
        """Remove all folders except those that were unpacked last."""
        trees = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for tree in trees[_KEPT_TREES:]:
            shutil.rmtree(tree, ignore_errors=True)


class _Mother:
    """A process that has loaded the layers and forks execution environments."""

    def __init__(self, layers: Sequence[Path]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)  # macOS has no SOCK_SEQPACKET
        paths = [str(layer / "python") for layer in layers]
        with theirs:
            self._process = subprocess.Popen(
                [base_python(), "-I", "-S", str(_SANDBOX), str(theirs.fileno()), *paths],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={"PATH": os.environ.get("PATH", ""), "TZ": "UTC", "LANG": "C.UTF-8", **_ON_MACOS},
                start_new_session=True,
            )
        self._control = ours
        self._lock = threading.Lock()

    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, start: dict[str, Any], descriptors: list[int]) -> int:
        """Fork an execution environment; return its process id."""
        request = json.dumps(start).encode() + b"\n"
        with self._lock:
            sent = socket.send_fds(self._control, [request], descriptors)
            self._control.sendall(request[sent:])
            answer = self._control.recv(_ANSWER_BYTES)
        if not answer:
            raise WorkerDied("the sandbox's mother process is gone")
        return int(answer)

    def close(self) -> None:
        self._control.close()
        self._process.wait(timeout=5)


@dataclass
class Worker:
    """One execution environment: handles one invocation at a time."""

    fingerprint: str
    pid: int
    invocations: TextIO
    answers: TextIO
    log: IO[bytes]
    """An unnamed file, to which the process appends the function's output."""
    last_used: float = field(default_factory=time.monotonic)
    _is_initialised: bool = False

    def invoke(self, message: dict[str, Any], timeout_seconds: float) -> tuple[dict[str, Any], str]:
        """Invoke the function; return the answer (`result` or `error`) and what it logged.

        As on AWS, the function's timeout does not count the import of its code.

        Raises:
            WorkerDied, WorkerTimedOut: they contain the log; the worker must not be used again.
        """
        if not self._is_initialised:
            self._exchange("", _INITIALISATION_SECONDS)
            self._is_initialised = True
        answer = self._exchange(json.dumps(message) + "\n", timeout_seconds)
        self.last_used = time.monotonic()
        return json.loads(answer), self._take_log()

    def _exchange(self, line: str, timeout_seconds: float) -> str:
        """Send `line` to the process, and return the next line that it writes."""
        expired = threading.Event()

        def cut_off() -> None:
            expired.set()
            self.kill()

        timer = threading.Timer(timeout_seconds, cut_off)
        timer.start()
        try:
            self.invocations.write(line)
            self.invocations.flush()
            answer = self.answers.readline()
        except OSError:
            answer = ""
        finally:
            timer.cancel()
        if not answer:
            log = self._take_log()
            raise WorkerTimedOut(log) if expired.is_set() else WorkerDied(log)
        return answer

    def kill(self) -> None:
        """End the process at once; its parent, the mother, reaps it."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def close(self) -> None:
        """Close the input of the process, so that it ends by itself."""
        for stream in (self.invocations, self.answers, self.log):
            try:
                stream.close()
            except OSError:  # the process died before it read the line
                continue

    def _take_log(self) -> str:
        self.log.seek(0)
        text = self.log.read().decode(errors="replace")
        self.log.truncate(0)
        return text


class Pool:
    """Idle workers, by function; those that were idle longest are closed when there are too many."""

    def __init__(
        self, folder: Path, endpoint: str, credentials: Callable[[dict[str, Any]], dict[str, str]]
    ) -> None:
        self.trees = Trees(folder)
        self._endpoint = endpoint
        self._credentials = credentials
        """Returns credentials of the function's role, by the function's configuration."""
        self._idle: list[Worker] = []
        self._mothers: dict[tuple[Path, ...], _Mother] = {}
        self._lock = threading.Lock()

    def acquire(self, config: dict[str, Any], code: bytes, layers: Sequence[bytes]) -> Worker:
        """Return a worker for the function `config`: an idle one, or a new one."""
        fingerprint = _fingerprint(config)
        with self._lock:
            for worker in self._idle:
                if worker.fingerprint == fingerprint:
                    self._idle.remove(worker)
                    return worker
        return self._start(config, fingerprint, code, layers)

    def warm(self, layers: Sequence[bytes]) -> None:
        """Prepare for functions with these layers before the first call."""
        self._mother(tuple(self.trees.unpacked(layer) for layer in layers))

    def release(self, worker: Worker) -> None:
        """Take `worker` back; if there are too many, close those that were idle longest."""
        with self._lock:
            self._idle.append(worker)
            self._idle.sort(key=lambda idle: idle.last_used)
            surplus = self._idle[:-_MAX_IDLE_WORKERS]
            self._idle = self._idle[-_MAX_IDLE_WORKERS:]
        for old in surplus:
            old.close()

    def close(self) -> None:
        """End every process."""
        with self._lock:
            for worker in self._idle:
                worker.close()
            for mother in self._mothers.values():
                mother.close()
            self._idle, self._mothers = [], {}

    def _start(self, config: dict[str, Any], fingerprint: str, code: bytes, layers: Sequence[bytes]) -> Worker:
        tree = self.trees.unpacked(code)
        mother = self._mother(tuple(self.trees.unpacked(layer) for layer in layers))
        module, attribute = config["Handler"].rsplit(".", 1)
        start = {
            "code": str(tree),
            "module": module.replace("/", "."),
            "attribute": attribute,
            "environment": self._environment(config, tree),
        }
        log = _appended_file()
        their_input, our_input = os.pipe()
        our_output, their_output = os.pipe()
        try:
            pid = mother.fork(start, [their_input, their_output, log.fileno()])
        finally:
            os.close(their_input)
            os.close(their_output)
        invocations = os.fdopen(our_input, "w", encoding="utf-8")
        answers = os.fdopen(our_output, encoding="utf-8")
        return Worker(fingerprint, pid, invocations, answers, log)

    def _mother(self, layers: tuple[Path, ...]) -> _Mother:
        with self._lock:
            mother = self._mothers.get(layers)
            if mother is None or not mother.alive():
                mother = self._mothers[layers] = _Mother(layers)
            return mother

    def _environment(self, config: dict[str, Any], tree: Path) -> dict[str, str]:
        """The environment: Lambda's variables, the function's own, and the address of the local AWS."""
        arn = config["FunctionArn"].split(":")
        group = (config.get("LoggingConfig") or {}).get("LogGroup")
        lambda_sets = {
            "PATH": os.environ.get("PATH", ""),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "no_proxy": "*",  # do not use macOS's proxy settings either: a forked process cannot read them
            "LAMBDA_TASK_ROOT": str(tree),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_REGION": arn[3],
            "AWS_DEFAULT_REGION": arn[3],
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_LAMBDA_FUNCTION_NAME": config["FunctionName"],
            "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
            "AWS_LAMBDA_LOG_GROUP_NAME": group or f"/aws/lambda/{config['FunctionName']}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"{os.getpid()}-{time.monotonic_ns()}",
            "AWS_LAMBDA_LOG_FORMAT": "Text",
        }
        own: dict[str, str] = (config.get("Environment") or {}).get("Variables", {})
        return lambda_sets | self._credentials(config) | own


def _appended_file() -> IO[bytes]:
    """A temporary file to which every write is appended, so that it can be emptied between writes."""
    handle, path = tempfile.mkstemp(prefix="hearth-log-")
    os.unlink(path)
    fcntl.fcntl(handle, fcntl.F_SETFL, fcntl.fcntl(handle, fcntl.F_GETFL) | os.O_APPEND)
    return os.fdopen(handle, "w+b", buffering=0)


def _fingerprint(config: dict[str, Any]) -> str:
    """A value that changes when workers that run now no longer match the function."""
    layers = [layer["Arn"] if isinstance(layer, dict) else layer for layer in config.get("Layers") or []]
    names = ("FunctionArn", "CodeSha256", "Handler", "MemorySize", "Environment", "LoggingConfig")
    return json.dumps([[config.get(name) for name in names], layers], sort_keys=True)
