"""Decorators for what is not an endpoint: state machines' tasks, schedules, the stream, queues, webhooks.

Each registers its function as a Lambda; what remains under its name is the Lambda's handler. Errors are logged,
counted and raised: Step Functions, SQS and the stream retry by their own rules.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from functools import update_wrapper
from typing import Any, TypeVar

from chalicelib.runtime.grants import Grant
from chalicelib.runtime.observe import logger, measured
from chalicelib.runtime.registry import (
    Function,
    Handler,
    Queue,
    Schedule,
    Stream,
    Task,
    Trigger,
    Webhook,
    register,
)

E = TypeVar("E")
Decorator = Callable[[Callable[[E], Any]], Handler]


def task(*, grants: tuple[Grant, ...], timeout_seconds: int, memory_mb: int = 512) -> Decorator[Mapping[str, Any]]:
    """Make a function a Task state: it takes the state's input, and its result goes into the state's output."""
    return _decorator(Task(), grants, memory_mb, timeout_seconds, lambda function, event: function(event))


def schedule(
    rate: str, *, grants: tuple[Grant, ...], timeout_seconds: int, memory_mb: int = 512
) -> Decorator[Mapping[str, Any]]:
    """Run a function at `rate`, such as `rate(5 minutes)`; its result is a summary for the log."""

    def run(function: Callable[[Mapping[str, Any]], Any], event: Any) -> Any:
        result = function(event)
        logger.info("ran", result=result)
        return result

    return _decorator(Schedule(rate), grants, memory_mb, timeout_seconds, run)


def stream(
    *patterns: Mapping[str, Any], grants: tuple[Grant, ...], timeout_seconds: int, memory_mb: int = 512
) -> Decorator[Mapping[str, Any]]:
    """Call a function with the new image of every record of the table's stream that matches a pattern.

    An image that fails is reported, and comes again, without holding up those before it.
    """

    def run(function: Callable[[Mapping[str, Any]], Any], event: Any) -> Any:
        records = event["Records"]
        work = ((record["dynamodb"]["SequenceNumber"], record["dynamodb"]["NewImage"]) for record in records)
        return _one_by_one(function, work, stop_at_failure=True)

    return _decorator(Stream(patterns), grants, memory_mb, timeout_seconds, run)


def queue(
    logical_id: str, *, grants: tuple[Grant, ...], timeout_seconds: int, memory_mb: int = 512
) -> Decorator[Mapping[str, Any]]:
    """Call a function with the JSON body of every message of a queue; one that fails comes again."""

    def run(function: Callable[[Mapping[str, Any]], Any], event: Any) -> Any:
        work = ((record["messageId"], json.loads(record["body"])) for record in event["Records"])
        return _one_by_one(function, work, stop_at_failure=False)

    return _decorator(Queue(logical_id), grants, memory_mb, timeout_seconds, run)


def webhook(
    name: str, *, grants: tuple[Grant, ...], timeout_seconds: int = 15, memory_mb: int = 512
) -> Callable[[Callable[..., tuple[int, str]]], Handler]:
    """Serve a webhook on its own function URL.

    The function gets the raw body and the headers (names in lower case), and gives a status and a text. Nothing is
    parsed before it: what came is verified first (G40).
    """

    def run(function: Callable[..., tuple[int, str]], event: Any) -> Any:
        body = event.get("body") or ""
        raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
        status, text = function(raw, event.get("headers") or {})
        return {"statusCode": status, "headers": {"content-type": "text/plain"}, "body": text}

    return _decorator(Webhook(name), grants, memory_mb, timeout_seconds, run)


def _one_by_one(
    function: Callable[[Any], Any], work: Iterable[tuple[str, Any]], *, stop_at_failure: bool
) -> dict[str, Any]:
    """Call `function` for each item; what failed, in the form that Lambda wants (ReportBatchItemFailures).

    A stream's records are in order, and Lambda starts again at the first that failed.
    """
    failures: list[dict[str, str]] = []
    for identifier, item in work:
        try:
            function(item)
        except Exception:
            logger.exception("item failed", item=identifier)
            failures.append({"itemIdentifier": identifier})
            if stop_at_failure:
                break
    return {"batchItemFailures": failures}


def _decorator(
    trigger: Trigger,
    grants: tuple[Grant, ...],
    memory_mb: int,
    timeout_seconds: int,
    run: Callable[[Callable[..., Any], Any], Any],
) -> Callable[[Callable[..., Any]], Handler]:
    def decorate(function: Callable[..., Any]) -> Handler:
        name = function.__name__

        def handler(event: Any, context: Any) -> Any:
            with measured(name), logger.append_context_keys(operation=name):
                try:
                    return run(function, event)
                except Exception:
                    logger.exception("failed")
                    raise

        update_wrapper(handler, function)
        register(
            Function(
                name=name,
                module=function.__module__,
                trigger=trigger,
                handler=handler,
                grants=grants,
                memory_mb=memory_mb,
                timeout_seconds=timeout_seconds,
            )
        )
        return handler

    return decorate
