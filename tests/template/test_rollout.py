"""A package is deployed in order, and every address answers all the time."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.finalise import MANIFEST, expand
from tools.package import Package
from tools.rollout import roll_out
from tools.template.intrinsics import attribute, ref
from tools.template.keeping import Deployed
from tools.template.stacks import Template

_DATA = {"Stage": "test", "TableName": "things"}


def _function(name: str, role: str = "Role") -> dict[str, Any]:
    properties = {"FunctionName": name, "Role": attribute(role), "Handler": "a.b", "Runtime": "python3.11"}
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


def _role() -> dict[str, Any]:
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}


def _template(resources: dict[str, Any], *parameters: str, **outputs: str) -> Template:
    return {
        "Transform": "AWS::Serverless-2016-10-31",
        "Globals": {"Function": {"CodeUri": "./code.zip"}},
        "Parameters": {name: {"Type": "String"} for name in parameters},
        "Resources": resources,
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }


@dataclass
class FakeAccount:
    """An account that records the calls in order; outputs are those of the templates."""

    stacks: dict[str, Deployed] = field(default_factory=dict)
    done: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    given: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def deploy(self, stack: str, template: Template, parameters: Mapping[str, str]) -> dict[str, str]:
        """Record the deployment."""
        expanded = expand(template)
        functions = [
            found for found in expanded["Resources"].items() if found[1]["Type"] == "AWS::Lambda::Function"
        ]
        self.done.append(("deploy", stack, tuple(sorted(name for name, _ in functions))))
        self.stacks[stack], self.given[stack] = Deployed(expanded, parameters), parameters
        return {name: output["Value"] for name, output in template["Outputs"].items()}

    def deployed(self, stack: str) -> Deployed | None:
        """The recorded stack."""
        return self.stacks.get(stack)

    def delete(self, stack: str) -> None:
        """Remove the recorded stack."""
        if self.stacks.pop(stack, None):
            self.done.append(("delete", stack, ()))


def _package(folder: Path, **templates: Template) -> Package:
    folder.mkdir(exist_ok=True)
    for stack, template in templates.items():
        (folder / f"{stack}.json").write_text(json.dumps(template))
    (folder / MANIFEST).write_text(json.dumps({"stacks": list(templates)}))
    return Package(folder)


def _three(folder: Path, people: dict[str, Any], money: dict[str, Any]) -> Package:
    return _package(
        folder,
        core=_template({"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}}, Topic="arn:topic"),
        people=_template({"Role": _role(), **people}, "Topic", "Stage"),
        money=_template({"Role": _role(), **money}, "Installation"),
        front=_template({"Role": _role()}, "Stage", Url="https://front"),
    )


def test_each_stack_gets_what_it_asks_for_of_those_before_it(tmp_path: Path) -> None:
    """It also gets outputs of the data stack, and no others."""
    account = FakeAccount()
    package = _three(tmp_path, {"Login": _function("login")}, {"Pay": _function("pay")})
    outputs = roll_out(package, "hearth-test", _DATA, account)
    assert [stack for _, stack, _ in account.done] == [
        f"hearth-test-{name}" for name in ("core", "people", "money", "front")
    ]
    assert account.given == {
        "hearth-test-core": {},
        "hearth-test-people": {"Topic": "arn:topic", "Stage": "test"},
        "hearth-test-money": {"Installation": "hearth-test"},
        "hearth-test-front": {"Stage": "test"},
    }
    assert (outputs["Url"], outputs["Topic"], outputs["TableName"]) == ("https://front", "arn:topic", "things")


def test_a_function_that_moves_is_there_twice_until_the_front_leads_to_the_new_one(tmp_path: Path) -> None:
    """The old area keeps the function unchanged until then."""
    account = FakeAccount()
    login, pay = {"Login": _function("login")}, {"Pay": _function("pay")}
    roll_out(_three(tmp_path, {**login, **pay}, {}), "hearth", _DATA, account)
    account.done.clear()
    roll_out(_three(tmp_path, login, pay), "hearth", _DATA, account)
    assert account.done == [
        ("deploy", "hearth-core", ()),
        ("deploy", "hearth-people", ("Login", "Pay")),
        ("deploy", "hearth-money", ("Pay",)),
        ("deploy", "hearth-front", ()),
        ("deploy", "hearth-people", ("Login",)),
    ]


def test_an_area_without_functions_loses_its_stack_at_the_end(tmp_path: Path) -> None:
    """The stack is deleted after the front, which called its functions."""
    account = FakeAccount()
    roll_out(_three(tmp_path / "old", {}, {"Pay": _function("pay")}), "hearth", _DATA, account)
    account.done.clear()
    package = _package(
        tmp_path / "new",
        core=_template({"Role": _role()}),
        front=_template({"Role": _role()}, Url="https://front"),
    )
    roll_out(package, "hearth", {}, account)
    assert [(what, stack) for what, stack, _ in account.done] == [
        ("deploy", "hearth-core"),
        ("deploy", "hearth-front"),
        ("delete", "hearth-people"),
        ("delete", "hearth-money"),
    ]


def test_what_is_kept_is_what_answers_and_not_what_begins_work(tmp_path: Path) -> None:
    """A kept schedule would run twice. A parameter that no longer exists keeps its value."""
    schedule = {"Schedule": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)"}}}
    sweep = _function("sweep", "SweepRole")
    sweep["Properties"] |= {"Events": schedule, "Environment": {"Variables": {"GRACE": ref("Grace")}}}
    account = FakeAccount()
    core, front = _template({"Role": _role()}), _template({"Role": _role()})
    old = _template({"Role": _role(), "SweepRole": _role(), "Sweep": sweep}, "Grace")
    roll_out(_package(tmp_path, core=core, cloud=old, front=front), "hearth", {"Grace": "72"}, account)
    grown: list[Template] = []
    keep = account.deploy

    def deploy(stack: str, template: Template, parameters: Mapping[str, str]) -> dict[str, str]:
        grown.extend([template] if stack == "hearth-cloud" else [])
        return keep(stack, template, parameters)

    account.deploy = deploy  # type: ignore[method-assign]
    new = _template({"Role": _role(), "Wipe": _function("wipe")})
    roll_out(_package(tmp_path, core=core, cloud=new, front=front), "hearth", {}, account)
    first, last = grown
    assert set(first["Resources"]) == {"Role", "Wipe", "Sweep", "SweepRole"}
    assert first["Parameters"] == {"Grace": {"Type": "String", "Default": "72"}}
    assert set(last["Resources"]) == {"Role", "Wipe"}
