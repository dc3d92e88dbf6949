"""The state machines of `state_machines/`, each with a role that may call only the functions in its definition."""

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


class NoArea(Exception):
    """A definition cannot be assigned to one area's stack."""


def read_definitions(folder: Path) -> dict[str, str]:
    """The text of every `*.asl.json` in `folder`, by file stem (`deployment_provision`)."""
    return {path.name.removesuffix(".asl.json"): path.read_text() for path in sorted(folder.glob("*.asl.json"))}


def functions_named_in(definition: str) -> list[str]:
    """The logical ids that `definition` refers to as `${LogicalId}`."""
    return sorted(set(_PLACEHOLDER.findall(definition)))


def by_area(definitions: dict[str, str], registry: Iterable[Function]) -> dict[str, dict[str, str]]:
    """The definitions of each area: a state machine is in the stack of the functions that it calls.

    Raises:
        UnknownFunction: a definition refers to a function that does not exist.
        NoArea: a definition calls functions of several areas, or no function.
    """
    areas = {function.logical_id: function.area for function in registry}
    found: dict[str, dict[str, str]] = {}
    for stem, definition in definitions.items():
        named = functions_named_in(definition)
        for logical_id in named:
            if logical_id not in areas:
                raise UnknownFunction(f"state_machines/{stem}.asl.json calls {logical_id}, which is no function")
        called = {areas[logical_id] for logical_id in named}
        if len(called) != 1:
            raise NoArea(f"state_machines/{stem}.asl.json calls functions of {sorted(called) or 'no area'}")
        found.setdefault(called.pop(), {})[stem] = definition
    return found


def resources(definitions: dict[str, str]) -> Resources:
    """A state machine `<stack>-<stem-with-dashes>` and its role for each definition, and their log group."""
    made: Resources = {}
    for stem, definition in definitions.items():
        named = functions_named_in(definition)
        made[f"{camel(stem)}Role"] = _role(named)
        made[f"{camel(stem)}Machine"] = _machine(stem, definition, named)
    if made:
        made["MachineLogs"] = log_group("/aws/vendedlogs/states/${AWS::StackName}")
    return made


def _role(named: list[str]) -> dict[str, Any]:
    called = allow(["lambda:InvokeFunction"], [attribute(logical_id) for logical_id in named])
    return role("states.amazonaws.com", [allow(_LOG_DELIVERY, "*"), called])


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
