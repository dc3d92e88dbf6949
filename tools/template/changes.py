"""The queues and dead-letter queues of consumers of changes, and the relay's event filters.

They are derived from the registry, so that a new consumer changes no other file.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.domain.foundation.changes.models import Event, Subscription
from chalicelib.runtime.grants import Grant
from chalicelib.runtime.registry import Changes, Function
from tools.template.intrinsics import Resources, attribute, sub

RECEIVES = 5
"""Attempts to process a change; the pauses between them are in `chalicelib/runtime/triggers.py`."""

_HIGH_THROUGHPUT = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
_MOST_PATTERN_CHARACTERS = 4_096
_TWO_WEEKS_SECONDS = 14 * 24 * 3600
_VISIBILITY_FACTOR = 6
"""The visibility timeout in units of the function's timeout. AWS advises six, which leaves time for retries after
throttling:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""


class TooManyKinds(Exception):
    """An event filter is longer than Lambda allows."""


def resources(functions: Iterable[Function]) -> Resources:
    """The queues of the consumers among `functions`."""
    made: Resources = {}
    for function in functions:
        if isinstance(function.trigger, Changes):
            made |= _queues(function, function.trigger.subscription)
    return made


def dead_letter_queues(functions: Iterable[Function]) -> list[str]:
    """The logical ids of their dead-letter queues."""
    return [_dead_letters(function) for function in functions if isinstance(function.trigger, Changes)]


def grant(function: Function) -> Grant:
    """The permissions of the function, and of Lambda for it, on the function's own queue."""
    actions = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility")
    own = f"${{{_queue(function)}.Arn}}"
    return Grant(f"changes_{function.name}", tuple(f"sqs:{action}" for action in actions), (own,))


def source(function: Function, trigger: Changes) -> dict[str, Any]:
    """The event source mapping of a consumer."""
    return {
        "Queue": attribute(_queue(function)),
        "BatchSize": trigger.batch_size,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": trigger.concurrency},
    }


def patterns(subscriptions: Sequence[Subscription]) -> list[str]:
    """The relay's event filters: one for each event, with all kinds of items that a consumer subscribes to.

    Raises:
        TooManyKinds: one would be longer than Lambda allows.
    """
    found = [_pattern(event, subscriptions) for event in Event if any(event in one.on for one in subscriptions)]
    for pattern in found:
        if len(pattern) > _MOST_PATTERN_CHARACTERS:
            raise TooManyKinds(f"Lambda takes no event filter of {len(pattern):,} characters: {pattern[:80]}…")
    return found


def _pattern(event: Event, subscriptions: Sequence[Subscription]) -> str:
    kinds = sorted({kind for one in subscriptions if event in one.on for kind in one.kinds})
    image = "OldImage" if event is Event.REMOVE else "NewImage"
    return json.dumps({"eventName": [event], "dynamodb": {image: {"kind": {"S": kinds}}}}, separators=(",", ":"))


def _queue(function: Function) -> str:
    return f"{function.logical_id}ChangeQueue"


def _dead_letters(function: Function) -> str:
    return f"{function.logical_id}DeadLetters"


def _queues(function: Function, subscription: Subscription) -> Resources:
    """The two queues of a consumer. Their names are fixed: the relay and the staff's endpoints use them."""
    kept: dict[str, Any] = {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": _TWO_WEEKS_SECONDS}
    waiting: dict[str, Any] = {
        "SqsManagedSseEnabled": True,
        "VisibilityTimeout": _VISIBILITY_FACTOR * function.timeout_seconds,
        "RedrivePolicy": {"deadLetterTargetArn": attribute(_dead_letters(function)), "maxReceiveCount": RECEIVES},
    }
    if subscription.ordered:
        kept |= {"FifoQueue": True}
        waiting |= {"FifoQueue": True, **_HIGH_THROUGHPUT}
    return {
        _queue(function): _resource(subscription.queue, waiting),
        _dead_letters(function): _resource(subscription.dead_letters, kept),
    }


def _resource(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    named = {"QueueName": sub(f"${{Installation}}-{name}"), **properties}
    return {"Type": "AWS::SQS::Queue", "Properties": named}
