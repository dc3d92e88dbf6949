"""Writes the skeleton of an endpoint, its models and a test:

    python -m tools.new_endpoint POST /volumes create_volume --scope deployments:write

What it writes is whole and green, but for the service that it is to call: the call names one that does not
exist yet, so type checks say what remains to be done.
"""

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template

from pydantic.alias_generators import to_camel, to_pascal, to_snake

from chalicelib.access.models import Scope

ROOT = Path(__file__).parents[1]
_STATUS = {"POST": 201}
_NAME = re.compile(r"[a-z]+(?:_[a-z0-9]+)+")


@dataclass(frozen=True)
class Plan:
    """What is asked for."""

    method: str
    path: str
    name: str
    scope: Scope | None

    @property
    def module(self) -> str:
        """The module of its resource: `/ssh-keys/{sshKeyId}` is `ssh_keys`."""
        words = [word for word in self.path.split("/") if word and not word.startswith("{")]
        return re.sub(r"\W", "_", words[-1] if words[0].startswith("v") and len(words) > 1 else words[0])

    @property
    def values(self) -> list[str]:
        """The names of the values in its path, as the function takes them."""
        return [to_snake(name) for name in re.findall(r"{(\w+)}", self.path)]

    @property
    def has_body(self) -> bool:
        """Whether such a request brings something."""
        return self.method in {"POST", "PUT", "PATCH"}

    @property
    def model(self) -> str:
        """The start of its models' names."""
        return to_pascal(self.name)


_ENDPOINT = Template('''

@endpoint($declared)
def $name($parameters) -> $view:
    """$sentence."""
    return $view.of(bootstrap.$module().$verb($arguments))
''')

_BODY = Template('''

class $body(ApiModel):
    """What is asked for."""

    name: str = Field(min_length=1, max_length=64, examples=["one"])
''')

_VIEW = Template('''

class $view(ApiModel):
    """What is answered."""

    id: str

    @classmethod
    def of(cls, found: object) -> Self:
        """The view of `found`."""
        return cls(id=str(found))
''')

_TEST = Template('''

def test_$name(api: Api) -> None:
    answer = api.$call("$path"$json)
    assert answer.status == $refused
''')

_HEADS = {
    "endpoint": '"""$title."""\n\nfrom chalicelib import bootstrap\nfrom chalicelib.http import Caller, endpoint\n',
    "schema": '"""What the endpoints of $title take and answer."""\n\nfrom typing import Self\n\n'
    "from pydantic import Field\n\nfrom chalicelib.http import ApiModel\n",
    "test": '"""$title, through the API."""\n\nfrom tests.support.api import Api\n',
}


def skeleton(plan: Plan) -> dict[str, str]:
    """What to add to which file, by its path below the root."""
    view, body = f"{plan.model}View", f"{plan.model}Request"
    takes = [*(f"{value}: str" for value in plan.values), *([f"request: {body}"] if plan.has_body else [])]
    given = ["caller.customer_id", *plan.values, *(["request.name"] if plan.has_body else [])]
    status = _STATUS.get(plan.method)
    declared = [f'"{plan.method}"', f'"{plan.path}"', *([f"status={status}"] if status else [])]
    if plan.scope is not None:
        declared.append(f"scope=Scope.{plan.scope.name}")
    words = {
        "name": plan.name,
        "module": plan.module,
        "view": view,
        "body": body,
        "verb": plan.name.split("_")[0],
        "sentence": plan.name.replace("_", " ").capitalize(),
        "declared": ", ".join(declared),
        "parameters": ", ".join([*takes, "caller: Caller"]),
        "arguments": ", ".join(given),
        "call": plan.method.lower(),
        "path": re.sub(r"{\w+}", "x", plan.path),
        "json": ', {"name": "one"}' if plan.has_body else "",
        "refused": "401",
    }
    models = (_BODY.substitute(words) if plan.has_body else "") + _VIEW.substitute(words)
    return {
        f"functions/{plan.module}.py": _ENDPOINT.substitute(words),
        f"functions/schemas/{plan.module}.py": models,
        f"tests/integration/test_{plan.module}.py": _TEST.substitute(words),
    }
