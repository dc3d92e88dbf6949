"""Functions that an update must leave in a stack until no API calls them.

A function that was renamed, or moved to another area, gets another name. The APIs call functions by name, and are
updated last, so the function must exist under its old name until then.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.template.stacks import Template

_KEPT = frozenset({"AWS::Lambda::Function", "AWS::IAM::Role", "AWS::Logs::LogGroup"})
"""What a function needs to answer. Its schedules and event sources go at once: the new function has them."""


@dataclass(frozen=True)
class Deployed:
    """A stack as it is now."""

    template: Template
    """After SAM's transformation."""
    parameters: Mapping[str, str]

    @classmethod
    def read(cls, cloudformation: Any, stack: str) -> "Deployed":
        """What `stack`, which exists, is to the client `cloudformation`."""
        found = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        values = {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", [])}
        return cls(json.loads(found) if isinstance(found, str) else found, values)


def grown(new: Template, expanded: Template, deployed: Deployed) -> Template | None:
    """`new` with the functions that it would remove, or None where it removes none.

    Args:
        new: what is to be deployed.
        expanded: the same after SAM's transformation.
        deployed: what is there.
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
