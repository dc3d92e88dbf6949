"""The state machines of `state_machines/`, each with a role that may call only the functions it names."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chalicelib.runtime.registry import Function
from tools.template.intrinsics import Resources, allow, attribute, camel, log_group, role, sub

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")

_LOG_DELIVERY = [
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
]
"""Not tied to a resource: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html"""


class UnknownFunction(Exception):
    """A definition names a function that is not registered."""


def read_definitions(folder: Path) -> dict[str, str]:
    """The text of every `*.asl.json` in `folder`, by file stem (`deployment_provision`)."""
    return {path.name.removesuffix(".asl.json"): path.read_text() for path in sorted(folder.glob("*.asl.json"))}


def functions_named_in(definition: str) -> list[str]:
    """The logical ids that `definition` refers to as `${LogicalId}`."""
    return sorted(set(_PLACEHOLDER.findall(definition)))


def resources(definitions: dict[str, str], registry: Iterable[Function]) -> Resources:
    """A state machine `<stack>-<stem-with-dashes>` and its role for each definition, and their log group.

    Raises:
        UnknownFunction: a definition refers to a function that does not exist.
    """
    known = {function.logical_id for function in registry}
    made: Resources = {}
    for stem, definition in definitions.items():
        named = functions_named_in(definition)
        for logical_id in named:
            if logical_id not in known:
                raise UnknownFunction(f"state_machines/{stem}.asl.json calls {logical_id}, which is no function")
        made[f"{camel(stem)}Role"] = _role(named)
        made[f"{camel(stem)}Machine"] = _machine(stem, definition, named)
    if made:
        made["MachineLogs"] = log_group("/aws/vendedlogs/states/${AWS::StackName}")
    return made


def _role(named: list[str]) -> dict[str, Any]:
    callable_functions = [attribute(logical_id) for logical_id in named]
    statements = [allow(_LOG_DELIVERY, "*")]
    if callable_functions:
        statements.append(allow(["lambda:InvokeFunction"], callable_functions))
    return role("states.amazonaws.com", statements)


def _machine(stem: str, definition: str, named: list[str]) -> dict[str, Any]:
    log = {"CloudWatchLogsLogGroup": {"LogGroupArn": attribute("MachineLogs")}}
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "StateMachineName": sub(f"${{AWS::StackName}}-{stem.replace('_', '-')}"),
            "StateMachineType": "STANDARD",
            "RoleArn": attribute(f"{camel(stem)}Role"),
            "DefinitionString": json.dumps(json.loads(definition), separators=(",", ":")),
            "DefinitionSubstitutions": {logical_id: attribute(logical_id) for logical_id in named},
            "LoggingConfiguration": {
                "Level": "ERROR",
                "IncludeExecutionData": False,
                "Destinations": [log],
            },
        },
    }
