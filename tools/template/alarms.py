"""The alarms that staff must act on at once; they are published to the staff's alert topic."""

from collections.abc import Iterable
from typing import Any

from chalicelib.runtime.registry import Function, Stream
from tools.template.intrinsics import Resources, attribute, camel, ref, sub
from tools.template.shares import RestApi

_PERIOD_SECONDS = 300
_LATE_MILLISECONDS = 60_000


def of_dead_letters(queues: Iterable[str]) -> Resources:
    """An alarm for each queue that should stay empty."""
    made: Resources = {}
    for queue in queues:
        dimension = {"Name": "QueueName", "Value": attribute(queue, "QueueName")}
        made[f"{queue}Alarm"] = _alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", dimension)
    return made


def of_stream_readers(functions: Iterable[Function]) -> Resources:
    """An alarm for each reader of the table's stream; it goes off when the reader is a minute late."""
    made: Resources = {}
    for function in functions:
        if isinstance(function.trigger, Stream):
            reader = {"Name": "FunctionName", "Value": ref(function.logical_id)}
            late = _alarm("AWS/Lambda", "IteratorAge", "Maximum", reader, threshold=_LATE_MILLISECONDS)
            made[f"{function.logical_id}LateAlarm"] = late
    return made


def of_machines(stems: Iterable[str]) -> Resources:
    """An alarm for each state machine; it goes off when an execution fails."""
    made: Resources = {}
    for stem in stems:
        machine = {"Name": "StateMachineArn", "Value": ref(f"{camel(stem)}Machine")}
        made[f"{camel(stem)}Alarm"] = _alarm("AWS/States", "ExecutionsFailed", "Sum", machine)
    return made


def of_apis(apis: Iterable[RestApi]) -> Resources:
    """An alarm for each REST API; it goes off at answers with status 5xx."""
    made: Resources = {}
    for api in apis:
        name = {"Name": "ApiName", "Value": sub(api.name)}
        made[f"{api.logical_id}ErrorsAlarm"] = _alarm("AWS/ApiGateway", "5XXError", "Sum", name, threshold=5)
    return made


def _alarm(
    namespace: str, metric: str, statistic: str, dimension: dict[str, Any], threshold: int = 1
) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "Namespace": namespace,
            "MetricName": metric,
            "Statistic": statistic,
            "Dimensions": [dimension],
            "Period": _PERIOD_SECONDS,
            "EvaluationPeriods": 1,
            "Threshold": threshold,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [ref("StaffAlertsTopic")],
        },
    }
