"""Decorators for functions that are not endpoints: tasks, schedules, changes, queues, webhooks.

Each registers its function as a Lambda; the name then refers to the Lambda's handler. Errors are logged, counted
and raised: Step Functions, SQS and the stream retry by their own rules.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import update_wrapper
from typing import Any, Literal, TypeVar

from chalicelib.domain.foundation.changes.models import Change, Event, Subscription, read_message
from chalicelib.runtime.grants import Grant
from chalicelib.runtime.observe import logger, measured
from chalicelib.runtime.registry import (
    Changes,
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

_AGAIN_AFTER_SECONDS = (1, 5, 30, 120, 0)
"""Pause after each failed attempt; after the fifth, SQS moves the message to the dead letters at once."""

EventName = Literal["INSERT", "MODIFY", "REMOVE"]
E = TypeVar("E")
Decorator = Callable[[Callable[[E], Any]], Handler]


def task(*, grants: tuple[Grant, ...], timeout_seconds: int, memory_mb: int = 512) -> Decorator[Mapping[str, Any]]:
    """Make a function a Task state: it receives the state's input, and its result becomes the state's output."""
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
    *, grants: tuple[Grant, ...], timeout_seconds: int, memory_mb: int = 512
) -> Decorator[Sequence[Mapping[str, Any]]]:
    """Call a function with a batch of those records of the table's stream that a consumer subscribes to.

    It returns the sequence numbers of records that failed. Lambda delivers the batch again from the first of them.
    """

    def run(function: Callable[[Sequence[Mapping[str, Any]]], Iterable[str]], event: Any) -> Any:
        return _failures(function(event["Records"]))

    return _decorator(Stream(), grants, memory_mb, timeout_seconds, run)


def on_change(
    *kinds: str,
    on: EventName | Sequence[EventName],
    grants: tuple[Grant, ...],
    fields: tuple[str, ...] = (),
    ordered: bool = False,
    timeout_seconds: int = 15,
    batch_size: int = 1,
    concurrency: int = 20,
    memory_mb: int = 512,
) -> Decorator[Change]:
    """Call a function for each change of an item of `kinds` by an event of `on`, such as INSERT.

    The function becomes a Lambda with its own queue, dead letters and grants. It receives the item's keys, and
    those of `fields` that the item has as a short text or a number (as text); it reads the rest from the table.
    The same change can come twice. A failed change is retried after growing pauses, and becomes a dead letter
    after five attempts. With `ordered`, the changes of one owner come one after the other.
    """
    events = tuple(Event(name) for name in ((on,) if isinstance(on, str) else on))

    def decorate(function: Callable[[Change], Any]) -> Handler:
        subscription = Subscription(function.__name__, kinds, events, fields, ordered)
        trigger = Changes(subscription, batch_size, concurrency)
        return _decorator(trigger, grants, memory_mb, timeout_seconds, _following(subscription))(function)

    return decorate


def _following(subscription: Subscription) -> Callable[[Callable[[Change], Any], Any], Any]:
    def run(function: Callable[[Change], Any], event: Any) -> Any:
        messages = {record["messageId"]: record for record in event["Records"]}
        work = ((message_id, record["body"]) for message_id, record in messages.items())
        failed = _one_by_one(lambda body: function(read_message(body)), work)
        for message_id in failed:
            _postpone(subscription, messages[message_id])
        return _failures(failed)

    return run


def _postpone(subscription: Subscription, record: Mapping[str, Any]) -> None:
    """Deliver a failed change again after a pause that grows with the attempts."""
    from chalicelib.wiring.app import app

    attempt = int(record["attributes"]["ApproximateReceiveCount"])
    seconds = _AGAIN_AFTER_SECONDS[min(attempt, len(_AGAIN_AFTER_SECONDS)) - 1]
    app().foundation.change_queues.postpone(subscription, record["receiptHandle"], seconds)


def queue(
    logical_id: str, *, grants: tuple[Grant, ...], timeout_seconds: int, memory_mb: int = 512
) -> Decorator[Mapping[str, Any]]:
    """Call a function with the JSON body of every message of a queue; a failed message is retried."""

    def run(function: Callable[[Mapping[str, Any]], Any], event: Any) -> Any:
        work = ((record["messageId"], json.loads(record["body"])) for record in event["Records"])
        return _failures(_one_by_one(function, work))

    return _decorator(Queue(logical_id), grants, memory_mb, timeout_seconds, run)


def webhook(
    name: str, *, grants: tuple[Grant, ...], timeout_seconds: int = 15, memory_mb: int = 512
) -> Callable[[Callable[..., tuple[int, str]]], Handler]:
    """Serve a webhook on its own function URL.

    The function receives the raw body and the headers (names in lower case), and returns a status and a text.
    Nothing is parsed before, so that the function can verify the request first (G40).
    """

    def run(function: Callable[..., tuple[int, str]], event: Any) -> Any:
        body = event.get("body") or ""
        raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
        status, text = function(raw, event.get("headers") or {})
        return {"statusCode": status, "headers": {"content-type": "text/plain"}, "body": text}

    return _decorator(Webhook(name), grants, memory_mb, timeout_seconds, run)


def _one_by_one(function: Callable[[Any], Any], work: Iterable[tuple[str, Any]]) -> list[str]:
    """Call `function` for each item; return the identifiers of those that failed."""
    failed: list[str] = []
    for identifier, item in work:
        try:
            function(item)
        except Exception:
            logger.exception("item failed", item=identifier)
            failed.append(identifier)
    return failed


def _failures(identifiers: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """The answer to Lambda that names failed items (ReportBatchItemFailures)."""
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


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
