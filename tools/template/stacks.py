"""The stacks of an installation, and the values that one stack passes to the next.

Builders declare resources as if all of them stood in one template. If a resource refers to one of a stack that is
deployed earlier, `link` replaces the reference by a parameter, and adds an output with the same name to the other
stack. So a resource can move to another stack without a change where it is used.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.template.intrinsics import Resources, attribute, ref

Template = dict[str, Any]

CORE = "core"
"""The stack of what several areas use: queues, topics, the WebSocket API, the layer."""
AREAS = ("foundation", "people", "money", "cloud", "containers", "hub", "operations")
"""The folders of `functions/`. The stack of an area has its functions, roles, schedules and state machines."""
FRONT = "front"
"""The stack of the REST APIs and their domain."""
ORDER = (CORE, *AREAS, FRONT)
"""The order of deployment; each is the CloudFormation stack `<installation>-<name>`."""

INSTALLATION = "Installation"
"""The parameter with the prefix of all names in an installation, such as `hearth-dev`."""

_IN_TEXT = re.compile(r"\$\{(?P<name>[\w:]+)(?:\.(?P<attribute>[\w.]+))?\}")
_MADE_BY_SAM = ("Url",)
"""The endings that SAM adds to a function's logical id."""


class Unlinked(Exception):
    """A template refers to a resource that does not exist, or that is deployed later."""


@dataclass(frozen=True)
class Draft:
    """The declarations of one stack; they may refer to resources of other stacks."""

    resources: Resources
    outputs: dict[str, Any] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)
    """SAM's `Globals`."""


def link(drafts: Mapping[str, Draft], given: Collection[str]) -> dict[str, Template]:
    """The template of each stack.

    Args:
        drafts: the declarations of each stack.
        given: parameters whose values come from outside of these stacks.

    Raises:
        Unlinked: a reference names no resource, or one of a stack that is deployed later.
    """
    handed_over: dict[str, dict[str, Any]] = {stack: {} for stack in drafts}
    templates: dict[str, Template] = {}
    for stack in sorted(drafts, key=ORDER.index):
        linker = _Linker(stack, drafts, given, handed_over)
        draft = drafts[stack]
        written = {
            "Conditions": linker.rewritten(draft.conditions),
            "Globals": linker.rewritten(draft.shared),
            "Resources": linker.rewritten(draft.resources),
            "Outputs": linker.rewritten(draft.outputs),
        }
        templates[stack] = {
            "Parameters": {name: {"Type": "String"} for name in sorted(linker.parameters)},
            **written,
        }
    for stack, outputs in handed_over.items():
        templates[stack]["Outputs"] |= outputs
    return {stack: _whole(stack, template) for stack, template in templates.items()}


def _whole(stack: str, template: Template) -> Template:
    """`template` with the header, and without empty sections, which CloudFormation refuses."""
    head = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": f"Hearth: {stack}",
    }
    return head | {name: section for name, section in template.items() if section}


@dataclass
class _Linker:
    """Resolves the references of one stack."""

    stack: str
    drafts: Mapping[str, Draft]
    given: Collection[str]
    handed_over: dict[str, dict[str, Any]]
    """The outputs of each stack that later stacks need; the linker adds to them."""
    parameters: set[str] = field(default_factory=set)

    def rewritten(self, value: Any) -> Any:
        """`value` with every reference to another stack replaced by one to a parameter."""
        match value:
            case {"Ref": str(name), **rest} if not rest:
                name, _, made = name.partition(".")  # SAM's `RestAPI.Stage`
                return value if made else self._reference(name, None, ref, value)
            case {"Fn::GetAtt": [str(name), str(found)], **rest} if not rest:
                return self._reference(name, found, ref, value)
            case {"Fn::Sub": str(text), **rest} if not rest:
                return {"Fn::Sub": _IN_TEXT.sub(self._in_text, text)}
            case dict():
                return {name: self.rewritten(part) for name, part in value.items()}
            case list():
                return [self.rewritten(part) for part in value]
            case _:
                return value

    def _in_text(self, found: re.Match[str]) -> str:
        result: str = self._reference(found["name"], found["attribute"], lambda name: f"${{{name}}}", found[0])
        return result

    def _reference(self, name: str, found: str | None, written: Callable[[str], Any], as_it_is: Any) -> Any:
        if name.startswith("AWS::") or self._is_own(name):
            return as_it_is
        if name in self.given:
            self.parameters.add(name)
            return as_it_is
        owner = next((stack for stack, draft in self.drafts.items() if name in draft.resources), None)
        if owner is None:
            raise Unlinked(f"the stack {self.stack} refers to {name}, which no stack has")
        if ORDER.index(owner) > ORDER.index(self.stack):
            raise Unlinked(f"the stack {self.stack} refers to {name} of {owner}, which is deployed later")
        parameter = f"{name}{(found or '').replace('.', '')}"
        self.parameters.add(parameter)
        self.handed_over[owner][parameter] = {"Value": attribute(name, found) if found else ref(name)}
        return written(parameter)

    def _is_own(self, name: str) -> bool:
        resources = self.drafts[self.stack].resources
        return name in resources or any(name.removesuffix(end) in resources for end in _MADE_BY_SAM)
