"""Runs Lambda handlers. `workers.py` starts it outside of the virtual environment, with only the functions'
layers.

A mother process imports the modules that nearly every function needs, and forks one child for each execution
environment, so that a cold start costs only the function's own imports. Children see the functions' code and
layers and no other package of this machine: a module that is missing from the package fails here as it would on
AWS.

Line protocol: for each child, the mother gets one line of JSON with three descriptors (invocations, answers, and a
file for printed text), and answers with the child's process id. A child first writes one line when it is
initialised, and then answers each line of `invocations` with one line.
"""

import contextlib
import gc
import importlib
import json
import os
import re
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, NoReturn, TextIO

Handler = Callable[[Any, Any], Any]

PRELOADED = (
    "boto3",
    "botocore.httpsession",
    "botocore.parsers",
    "aws_lambda_powertools.logging",
    "pydantic.root_model",
    "pydantic.type_adapter",
    "pynamodb.models",
    "openstack.connection",
    "ulid",
)
"""Slow imports of the layer. If one is missing, the function that imports it fails."""

_REQUEST_LINE = re.compile(rb"[A-Z]+ \S+ HTTP/")
_READ_BYTES = 1 << 16


class Context:
    """The second argument of a handler."""

    identity = None
    client_context = None

    def __init__(self, environment: dict[str, str], invocation: dict[str, Any]) -> None:
        self.function_name = environment["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = environment["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = environment["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = invocation["arn"]
        self.aws_request_id = invocation["request_id"]
        self._deadline = time.monotonic() + invocation["timeout_seconds"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation times out."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class Mortality:
    """Kills the process before one of the handler's outward requests, if a test asks for it."""

    def __init__(self) -> None:
        self.remaining: int | None = None

    def install(self) -> None:
        """Count every HTTP request that the process sends, whichever library sends it."""
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "http.client.send":
            return
        data = arguments[1]
        if isinstance(data, bytes | bytearray) and _REQUEST_LINE.match(data):
            self.count_down()

    def count_down(self) -> None:
        """Count an outward request; kill the process if it is the chosen one."""
        if self.remaining is not None:
            self.remaining -= 1
            if self.remaining <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def load(module: str, attribute: str) -> tuple[Handler | None, dict[str, Any] | None]:
    """Load the handler, or return the error that Lambda reports if that fails."""
    try:
        return getattr(importlib.import_module(module), attribute), None
    except Exception as error:
        return None, failure(error)


def failure(error: Exception) -> dict[str, Any]:
    """An exception as Lambda describes it to the caller."""
    lines = traceback.format_exception(error)
    return {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": lines}


def invoke(handler: Handler, message: dict[str, Any], environment: dict[str, str], mortality: Mortality) -> str:
    """Serve one invocation; return the line of the answer."""
    os.environ["_X_AMZN_TRACE_ID"] = message.get("trace_id") or ""
    mortality.remaining = message.get("die_before_request")
    try:
        result = handler(message["event"], Context(environment, message))
        answer = json.dumps({"result": result})
    except Exception as error:
        described = failure(error)
        sys.stderr.write("".join(described["stackTrace"]))
        answer = json.dumps({"error": described})
    if message.get("die_before_answer"):
        os.kill(os.getpid(), signal.SIGKILL)
    mortality.remaining = None
    return answer


def serve(start: dict[str, Any], invocations: TextIO, answers: TextIO) -> None:
    """Run one execution environment until its input ends."""
    environment = start["environment"]
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(start["code"])
    sys.path.insert(0, start["code"])
    mortality = Mortality()
    mortality.install()
    handler, broken = load(start["module"], start["attribute"])
    answers.write("initialised\n")
    answers.flush()
    for line in invocations:
        message = json.loads(line)
        if handler is None:
            answer = json.dumps({"error": broken, "initialisation": True})
        else:
            answer = invoke(handler, message, environment, mortality)
        sys.stdout.flush()
        sys.stderr.flush()
        answers.write(answer + "\n")
        answers.flush()
        if handler is None:
            return


def become_child(start: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Turn the forked process into an execution environment; this never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    invocations, answers, log = descriptors
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    status = 1
    try:
        serve(start, os.fdopen(invocations, encoding="utf-8"), os.fdopen(answers, "w", encoding="utf-8"))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def receive(control: socket.socket) -> tuple[bytes, list[int]]:
    """Return the next request with its descriptors; empty if the other end is closed.

    A request comes only after the answer to the one before, so that no data follows its line.
    """
    message, descriptors, _flags, _address = socket.recv_fds(control, _READ_BYTES, 3)
    while message and not message.endswith(b"\n"):
        rest = control.recv(_READ_BYTES)
        message = message + rest if rest else b""
    return message, descriptors


def mother(control: socket.socket) -> None:
    """Fork a child for each request, until the other end closes `control`."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # keeps memory pages shared with the children
    while True:
        message, descriptors = receive(control)
        if not message:
            return
        child = os.fork()
        if child == 0:
            control.close()
            become_child(json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        control.sendall(f"{child}\n".encode())


if __name__ == "__main__":
    sys.path[:0] = sys.argv[2:]
    mother(socket.socket(fileno=int(sys.argv[1])))
