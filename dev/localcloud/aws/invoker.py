"""Executes functions for ministack: on our own workers, with AWS's error names and injected faults."""

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dev.localcloud.aws.faults import FAULTS, Fault, Invocation
from dev.localcloud.aws.names import Names
from dev.localcloud.aws.workers import Pool, WorkerDied, WorkerTimedOut

Result = dict[str, Any]
"""A result in ministack's form: `body`, `log`, and `error` or `throttle` if they apply."""


class Invoker:
    """Replaces ministack's executor of Python functions."""

    def __init__(
        self,
        pool: Pool,
        names: Names,
        log: Path,
        layer_archive: Callable[[Any], bytes],
        throttled: Callable[[str], Result],
    ) -> None:
        self._pool = pool
        self._log = log
        self._names = names
        self._layer_archive = layer_archive
        self._throttled_result = throttled

    def execute(self, function: dict[str, Any], event: Any, request_id: str) -> Result:
        """Invoke `function` once, with the fault that applies, if any."""
        config = function["config"]
        name = self._names.of(config["FunctionName"])
        fault = FAULTS.take(name, event)
        record = FAULTS.begin(name, request_id, event, fault)
        record.deployed_as = config["FunctionName"]
        try:
            result = self._with_fault(function, event, request_id, fault)
        except Exception:  # the sandbox failed, not the function: Lambda's name for its own failure
            result = _failed("Lambda.ServiceException", "The service failed.", traceback.format_exc())
        _finish(record, result)
        self._write_log(name, request_id, result)
        return result

    def _write_log(self, name: str, request_id: str, result: Result) -> None:
        """Append what the function printed to one file for all functions, besides CloudWatch, for `tail -f`."""
        lines = result.get("log", "").splitlines()
        if result.get("error"):
            lines.append(f"{result['body'].get('errorType')}: {result['body'].get('errorMessage')}")
        with self._log.open("a") as log:
            log.writelines(f"{name} {request_id[:8]} {line}\n" for line in lines)

    def _with_fault(self, function: dict[str, Any], event: Any, request_id: str, fault: Fault | None) -> Result:
        if fault is None:
            return self._run(function, event, request_id)
        match fault.kind:
            case "before":
                return _failed(fault.error, fault.message)
            case "lose":
                return {"body": None, "log": ""}
            case "throttle":
                return self._throttled(fault)
            case "after":
                self._run(function, event, request_id)
                return _failed(fault.error, fault.message)
            case "duplicate":
                self._run(function, event, request_id)
                return self._run(function, event, request_id)
            case "kill":
                return self._run(function, event, request_id, fault)
            case _:
                time.sleep(fault.delay_seconds)
                return self._run(function, event, request_id)

    def _throttled(self, fault: Fault) -> Result:
        """Lambda's 429 answer, with the error name that Step Functions uses."""
        throttled, named = self._throttled_result(fault.message), _failed(fault.error, fault.message)
        return throttled | named | {"body": throttled["body"] | named["body"]}

    def _run(self, function: dict[str, Any], event: Any, request_id: str, deadly: Fault | None = None) -> Result:
        config = function["config"]
        timeout_seconds = float(config.get("Timeout", 3))
        message = {
            "event": event,
            "arn": config["FunctionArn"],
            "request_id": request_id,
            "timeout_seconds": timeout_seconds,
            "die_before_request": deadly.at_request if deadly else None,
            "die_before_answer": deadly is not None,
        }
        layers = [self._layer_archive(layer) for layer in config.get("Layers") or []]
        worker = self._pool.acquire(config, function["code_zip"], layers)
        try:
            answer, log = worker.invoke(message, timeout_seconds)
        except WorkerTimedOut as error:
            worker.close()
            text = f"{request_id} Task timed out after {timeout_seconds:.2f} seconds"
            return _failed("Sandbox.Timedout", text, str(error))
        except WorkerDied as error:
            worker.close()
            text = f"RequestId: {request_id} Error: Runtime exited with error: signal: killed"
            return _failed("Runtime.ExitError", text, str(error))
        if answer.get("initialisation"):
            worker.close()
        else:
            self._pool.release(worker)
        if "error" in answer:
            return {"body": answer["error"] | {"requestId": request_id}, "error": True, "log": log}
        return {"body": answer["result"], "log": log}


def _failed(error_type: str, message: str, log: str = "") -> Result:
    return {"body": {"errorType": error_type, "errorMessage": message}, "error": True, "log": log}


def _finish(record: Invocation, result: Result) -> None:
    record.seconds = round(time.time() - record.began, 4)
    if result.get("error"):
        record.error_type = result["body"].get("errorType")
    else:
        record.answer = result["body"]
