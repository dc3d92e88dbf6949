"""AWS's default quotas, and how much of each a package uses.

The list has the quotas that a growing product approaches. The figures are AWS's defaults, which an account has
without a request (Service Quotas, and the "quotas" page of each service's guide, read in November 2026).
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools.template.shares import path_nodes

Template = dict[str, Any]

SHARE_PERCENT = 80
"""The percentage of a quota that a release may use; the rest is for growth, and for a second stage."""

_ASSUMED_CHARACTERS = 100
"""The assumed length of a value that CloudFormation fills in; our longest values are ARNs."""
_LONGEST_INSTALLATION = "hearth-production"
_IN_TEXT = re.compile(r"\$\{[^}]+\}")
_CALLED = re.compile(r":function:\$\{Installation\}-([\w-]+)/invocations")


class BudgetExceeded(Exception):
    """The package is larger than AWS's quotas, or our margin below them, allow."""


@dataclass(frozen=True)
class Quota:
    """A limit that AWS sets for each thing of one kind, which `of_each` names."""

    words: str
    of_each: str
    limit: int
    advice: str
    is_shared: bool = True
    """Whether a release may use only a part of it; names may have their full length."""

    def allowed(self, percent: int = SHARE_PERCENT) -> int:
        """The amount that a package may use."""
        return self.limit * percent // 100 if self.is_shared else self.limit


@dataclass(frozen=True)
class Use:
    """The amount of a quota that one thing uses."""

    quota: Quota
    what: str
    actual: int


_AREA = "Divide the area in two."
RESOURCES = Quota("resources", "stack", 500, _AREA)
TEMPLATE_BYTES = Quota("bytes of template", "stack", 1_000_000, _AREA)
PARAMETERS = Quota("parameters", "stack", 200, _AREA)
OUTPUTS = Quota("outputs", "stack", 200, _AREA)
PATH_NODES = Quota("path nodes", "REST API", 300, "tools/template/shares.py should have divided it.")
TIMEOUT = Quota(
    "seconds of timeout", "function of an API", 29, "Answer 202, and work in a state machine.", is_shared=False
)
REST_APIS = Quota("REST APIs", "region", 600, "Let each have more paths.")
MAPPINGS = Quota("API mappings", "domain", 200, "Let each API have more paths.")
SOCKET_ROUTES = Quota("WebSocket routes", "WebSocket API", 300, "Route by the message's body.")
UNZIPPED_BYTES = Quota("bytes unzipped", "function", 250_000_000, "Cut the layer (tools/slim.py).")
ENVIRONMENT_BYTES = Quota("bytes of environment", "function", 4_096, "Derive values from one another.")
NAME_CHARACTERS = Quota("characters of name", "function", 64, "Shorten the function's name.", is_shared=False)
ROLES = Quota("roles", "account", 1_000, "Let functions share sets of grants.")
POLICY_CHARACTERS = Quota("characters of policy", "role", 10_240, "Divide the function.")
SCHEDULES = Quota("rules", "event bus", 300, "Use EventBridge Scheduler.")
MACHINE_BYTES = Quota("bytes of definition", "state machine", 1_048_576, "Divide the state machine.")
MACHINES = Quota("state machines", "region", 10_000, "Let operations share state machines.")
ALARMS = Quota("alarms", "region", 5_000, "Alarm on sums.")
QUOTAS = tuple(value for value in list(vars().values()) if isinstance(value, Quota))


def uses(templates: Mapping[str, Template], expanded: Mapping[str, Template], unzipped_bytes: int) -> list[Use]:
    """What the stacks use, by their SAM templates and by the CloudFormation that SAM makes of them."""
    found = [use for stack in templates for use in _of_stack(stack, templates[stack], expanded[stack])]
    resources = [
        (f"{stack}.{logical_id}", resource["Type"], resource["Properties"])
        for stack in expanded
        for logical_id, resource in expanded[stack]["Resources"].items()
        if "Properties" in resource
    ]
    called = {name for _, kind, properties in resources for name in _behind(kind, properties)}
    for what, kind, properties in resources:
        found += _of_resource(what, kind, properties, called)
    found += _of_account([kind for _, kind, _ in resources])
    return [*found, Use(UNZIPPED_BYTES, "code and layer", unzipped_bytes)]


def check(found: Iterable[Use], percent: int = SHARE_PERCENT) -> None:
    """Check that every use is within `percent` of its quota.

    Raises:
        BudgetExceeded: names the thing that uses too much, both figures, and the remedy.
    """
    for use in found:
        quota, allowed = use.quota, use.quota.allowed(percent)
        if use.actual > allowed:
            margin = f"{percent} % of AWS's" if quota.is_shared else "AWS's limit of"
            raise BudgetExceeded(
                f"{use.what} has {use.actual:,} {quota.words}; {allowed:,} are allowed, "
                f"{margin} {quota.limit:,} for each {quota.of_each}. {quota.advice}"
            )


def largest(found: Iterable[Use], quota: Quota) -> Use:
    """The largest use of `quota`."""
    return max((use for use in found if use.quota is quota), key=lambda use: use.actual)


def minified(template: Template) -> str:
    """The text of `template`, whose bytes CloudFormation counts."""
    return json.dumps(template, separators=(",", ":"))


def _of_stack(stack: str, template: Template, expanded: Template) -> Iterator[Use]:
    yield Use(RESOURCES, stack, len(expanded["Resources"]))
    yield Use(TEMPLATE_BYTES, stack, len(minified(template).encode()))
    yield Use(PARAMETERS, stack, len(template.get("Parameters", {})))
    yield Use(OUTPUTS, stack, len(template.get("Outputs", {})))


def _behind(kind: str, properties: dict[str, Any]) -> Iterator[str]:
    """The functions that a REST API calls, by the ends of their names: `people-login`."""
    if kind == "AWS::ApiGateway::RestApi":
        for operations in properties["Body"]["paths"].values():
            for operation in operations.values():
                yield from _CALLED.findall(str(operation["x-amazon-apigateway-integration"].get("uri")))


def _of_resource(what: str, kind: str, properties: dict[str, Any], called: Collection[str]) -> Iterator[Use]:
    match kind:
        case "AWS::Lambda::Function":
            name = _name(properties["FunctionName"], what.partition(".")[0])
            yield Use(NAME_CHARACTERS, what, len(name))
            if name.removeprefix(f"{_LONGEST_INSTALLATION}-") in called:
                yield Use(TIMEOUT, what, properties["Timeout"])
            variables = properties["Environment"]["Variables"]
            yield Use(ENVIRONMENT_BYTES, what, sum(len(name) + _length(variables[name]) for name in variables))
        case "AWS::IAM::Role":
            policies = [policy["PolicyDocument"] for policy in properties["Policies"]]
            yield Use(POLICY_CHARACTERS, what, sum(_length(policy) for policy in policies))
        case "AWS::ApiGateway::RestApi":
            yield Use(PATH_NODES, what, path_nodes(properties["Body"]["paths"]))
        case "AWS::StepFunctions::StateMachine":
            yield Use(MACHINE_BYTES, what, len(properties["DefinitionString"].encode()))


def _of_account(kinds: list[str]) -> Iterator[Use]:
    for quota, kind in (
        (REST_APIS, "AWS::ApiGateway::RestApi"),
        (MAPPINGS, "AWS::ApiGatewayV2::ApiMapping"),
        (SOCKET_ROUTES, "AWS::ApiGatewayV2::Route"),
        (ROLES, "AWS::IAM::Role"),
        (SCHEDULES, "AWS::Events::Rule"),
        (MACHINES, "AWS::StepFunctions::StateMachine"),
        (ALARMS, "AWS::CloudWatch::Alarm"),
    ):
        yield Use(quota, "the installation", kinds.count(kind))


def _name(written: Any, stack: str) -> str:
    return str(written["Fn::Sub"]).replace("${AWS::StackName}", f"{_LONGEST_INSTALLATION}-{stack}")


def _length(value: Any) -> int:
    """The characters of `value` as JSON once CloudFormation has filled it in."""
    match value:
        case {"Fn::Sub": str(text)}:
            return len(_IN_TEXT.sub("x" * (_ASSUMED_CHARACTERS // 2), text))
        case {"Ref": _} | {"Fn::GetAtt": _}:
            return _ASSUMED_CHARACTERS
        case dict():
            return 2 + sum(len(name) + 4 + _length(part) for name, part in value.items())
        case list():
            return 2 + sum(1 + _length(part) for part in value)
        case _:
            return len(json.dumps(value))
