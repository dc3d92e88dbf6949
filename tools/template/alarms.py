"""The few alarms that must wake somebody; they speak through the staff's alert topic."""

from collections.abc import Iterable
from typing import Any

from tools.template.intrinsics import Resources, attribute, camel, ref
from tools.template.queues import DEAD_LETTER_QUEUES

_PERIOD_SECONDS = 300


def resources(state_machines: Iterable[str]) -> Resources:
    """Alarms for dead letters, failing state machines and an API that answers 5xx."""
    made: Resources = {}
    for queue in DEAD_LETTER_QUEUES:
        dimension = {"Name": "QueueName", "Value": attribute(queue, "QueueName")}
        made[f"{queue}Alarm"] = _alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", dimension)
    for stem in state_machines:
        machine = {"Name": "StateMachineArn", "Value": ref(f"{camel(stem)}Machine")}
        made[f"{camel(stem)}Alarm"] = _alarm("AWS/States", "ExecutionsFailed", "Sum", machine)
    api = {"Name": "ApiName", "Value": ref("AWS::StackName")}
    made["ApiErrorsAlarm"] = _alarm("AWS/ApiGateway", "5XXError", "Sum", api, threshold=5)
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
