"""Keeps functions in a stack until no API calls them.

A function that is renamed, or moved to another area, gets another name. The APIs call functions by name, and are
updated last, so the function must exist under its old name until then.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.template.stacks import Template

_KEPT = frozenset({"AWS::Lambda::Function", "AWS::IAM::Role", "AWS::Logs::LogGroup"})
"""The resources that a function needs to answer. Schedules and event sources go at once: the new function has
them.
"""


@dataclass(frozen=True)
class Deployed:
    """A stack as it is now."""

    template: Template
    """The template after SAM's transformation."""
    parameters: Mapping[str, str]

    @classmethod
    def read(cls, cloudformation: Any, stack: str) -> "Deployed":
        """The present state of `stack`, which must exist."""
        found = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        values = {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", [])}
        return cls(json.loads(found) if isinstance(found, str) else found, values)


def grown(new: Template, expanded: Template, deployed: Deployed) -> Template | None:
    """`new` with the functions that it would remove, or None if it removes none.

    Args:
        new: the template to deploy.
        expanded: the same template after SAM's transformation.
        deployed: the present state of the stack.
    """
    old = deployed.template["Resources"]
    gone = {name: found for name, found in old.items() if name not in expanded["Resources"]}
    if not any(found["Type"] == "AWS::Lambda::Function" for found in gone.values()):
        return None
    template = copy.deepcopy(new)
    template["Resources"] |= {name: found for name, found in gone.items() if found["Type"] in _KEPT}
    known = template.get("Parameters", {})
    missing: dict[str, Any] = {
        name: {"Type": "String", "Default": value}
        for name, value in deployed.parameters.items()
        if name not in known
    }
    return template | {"Parameters": {**known, **missing}}
