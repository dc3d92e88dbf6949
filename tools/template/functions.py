"""The Lambdas: name, role, log group, size, and their triggers other than API Gateway."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.runtime.grants import TABLE_STREAM, TABLE_STREAM_LIST, WORK_METERING, WORK_NOTICES, Grant
from chalicelib.runtime.registry import Changes, Function, Queue, Schedule, Stream, Webhook
from tools.runtime import NAME as RUNTIME
from tools.template import changes
from tools.template.intrinsics import Resources, allow, attribute, camel, log_group, ref, role, sub

LAYER = "Dependencies"

_ROLE_ID_LIMIT = 80
_STREAM_PATIENCE_SECONDS = 3_600
_STREAM_FAILURES = Grant("stream_failures", ("sqs:SendMessage",), ("${StreamDeadLetters.Arn}",))
_QUEUES = {"MeteringQueue": WORK_METERING, "NoticeQueue": WORK_NOTICES}


class UnknownQueue(Exception):
    """A function declares a queue that does not exist as its trigger."""


def globals_section(environment: dict[str, Any], architecture: str) -> dict[str, Any]:
    """The properties that all functions share."""
    return {
        "Function": {
            "Runtime": RUNTIME,
            "Architectures": [architecture],
            "Layers": [ref(LAYER)],
            "Environment": {"Variables": environment},
        }
    }


def layer(architecture: str) -> Resources:
    """The layer with the third-party packages; `tools/package.py` builds its archive."""
    return {
        LAYER: {
            "Type": "AWS::Serverless::LayerVersion",
            "Properties": {
                "LayerName": sub("${AWS::StackName}-dependencies"),
                "ContentUri": "./layer.zip",
                "CompatibleRuntimes": [RUNTIME],
                "CompatibleArchitectures": [architecture],
                "RetentionPolicy": "Retain",  # functions that are rolled back need their old layer
            },
        }
    }


def resources(registry: Iterable[Function], patterns: Sequence[str]) -> Resources:
    """Every function's properties, and one role with its log group for each set of grants.

    `patterns` are the event filters of the relay.
    """
    made: Resources = {}
    for function in registry:
        grants = permitted(function)
        suffix = role_suffix(grants)
        if f"Role{suffix}" not in made:
            made[f"Role{suffix}"] = role("lambda.amazonaws.com", _statements(grants, suffix))
            made[f"Logs{suffix}"] = log_group(f"/hearth/${{AWS::StackName}}/{suffix}")
        made[function.logical_id] = {"Properties": _properties(function, suffix, patterns)}
    return made


def permitted(function: Function) -> tuple[Grant, ...]:
    """The grants that `function` declares, and those that its trigger needs.

    Raises:
        UnknownQueue: its trigger is a queue that the core stack does not have.
    """
    match function.trigger:
        case Stream():
            implied: tuple[Grant, ...] = (TABLE_STREAM, TABLE_STREAM_LIST, _STREAM_FAILURES)
        case Changes():
            implied = (changes.grant(function),)
        case Queue(logical_id=logical_id):
            if logical_id not in _QUEUES:
                raise UnknownQueue(f"{function.name} listens to {logical_id}, which is no queue of the core stack")
            implied = (_QUEUES[logical_id],)
        case _:
            implied = ()
    return tuple({grant.name: grant for grant in (*function.grants, *implied)}.values())


def role_suffix(grants: Iterable[Grant]) -> str:
    """The end of the role's logical id: readable if it is short, and the same for the same grants."""
    names = sorted({grant.name for grant in grants})
    suffix = "".join(camel(name) for name in names) or "Nothing"
    if len(suffix) <= _ROLE_ID_LIMIT:
        return suffix
    digest = hashlib.sha256(",".join(names).encode()).hexdigest()[:8]
    return f"{suffix[: _ROLE_ID_LIMIT - len(digest)]}{digest}"


def outputs(registry: Iterable[Function]) -> dict[str, Any]:
    """The address of every webhook, as `Webhook<Name>`."""
    return {
        f"Webhook{camel(function.trigger.name)}": {
            "Description": function.trigger.name,
            "Value": attribute(f"{function.logical_id}Url", "FunctionUrl"),
        }
        for function in registry
        if isinstance(function.trigger, Webhook)
    }


def _statements(grants: Iterable[Grant], suffix: str) -> list[dict[str, Any]]:
    own_log = allow(["logs:CreateLogStream", "logs:PutLogEvents"], attribute(f"Logs{suffix}"))
    return [own_log] + [
        allow(list(grant.actions), [_resource(resource) for resource in grant.resources])
        for grant in sorted(grants, key=lambda grant: grant.name)
    ]


def _resource(resource: str) -> Any:
    return sub(resource) if "${" in resource else resource


def _properties(function: Function, suffix: str, patterns: Sequence[str]) -> dict[str, Any]:
    return {
        "FunctionName": sub(f"${{AWS::StackName}}-{function.name}"),
        "Role": attribute(f"Role{suffix}"),
        "MemorySize": function.memory_mb,
        "Timeout": function.timeout_seconds,
        "LoggingConfig": {"LogFormat": "JSON", "LogGroup": ref(f"Logs{suffix}")},
        **_caller(function, patterns),
    }


def _caller(function: Function, patterns: Sequence[str]) -> dict[str, Any]:
    """The event source of the function; routes, sockets and state machines need none."""
    match function.trigger:
        case Webhook():
            return {"FunctionUrlConfig": {"AuthType": "NONE", "InvokeMode": "BUFFERED"}}
        case Schedule(rate=rate):
            schedule = {"Schedule": rate, "Enabled": True, "RetryPolicy": {"MaximumRetryAttempts": 2}}
            return {"Events": {"Schedule": {"Type": "Schedule", "Properties": schedule}}}
        case Stream():
            return {"Events": {"Stream": {"Type": "DynamoDB", "Properties": _stream(function.trigger, patterns)}}}
        case Changes():
            queue = changes.source(function, function.trigger)
            return {"Events": {"Changes": {"Type": "SQS", "Properties": queue}}}
        case Queue(logical_id=logical_id, batch_size=batch_size):
            queue = {
                "Queue": attribute(logical_id),
                "BatchSize": batch_size,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            }
            return {"Events": {"Queue": {"Type": "SQS", "Properties": queue}}}
        case _:
            return {}


def _stream(stream: Stream, patterns: Sequence[str]) -> dict[str, Any]:
    """The event source mapping of a stream: it isolates a failing record by halving its batch, then reports it."""
    return {
        "Stream": ref("TableStreamArn"),
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": stream.batch_size,
        "FilterCriteria": {"Filters": [{"Pattern": pattern} for pattern in patterns]},
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": stream.retries,
        "MaximumRecordAgeInSeconds": _STREAM_PATIENCE_SECONDS,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": attribute("StreamDeadLetters")}},
    }
