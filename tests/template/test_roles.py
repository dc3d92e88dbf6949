"""G48 on the deployed templates: a role allows exactly what its functions declare."""

import json
import re
from typing import Any

import pytest

from tests.template.declared import Declared, declared
from tests.template.projects import Packaged

_OWN_LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}

_STREAM_NEEDS = {
    ("dynamodb:DescribeStream", '{"Fn::Sub": "${TableStreamArn}"}'),
    ("dynamodb:GetRecords", '{"Fn::Sub": "${TableStreamArn}"}'),
    ("dynamodb:GetShardIterator", '{"Fn::Sub": "${TableStreamArn}"}'),
    ("dynamodb:ListStreams", '{"Fn::Sub": "${TableArn}/stream/*"}'),
    ("sqs:SendMessage", '{"Fn::Sub": "${StreamDeadLettersArn}"}'),
}
_QUEUE_NEEDS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def _trigger_needs(function: Declared) -> set[tuple[str, str]]:
    """The actions of Lambda with the function's role to fetch records and messages."""
    match function["kind"]:
        case "Stream":
            return _STREAM_NEEDS
        case "Changes":
            queue = json.dumps({"Fn::Sub": f"${{{function['logical_id']}ChangeQueueArn}}"})
            return {(action, queue) for action in (*_QUEUE_NEEDS, "sqs:ChangeMessageVisibility")}
        case "Queue":
            queue = json.dumps({"Fn::Sub": f"${{{function['trigger']['logical_id']}Arn}}"})
            return {(action, queue) for action in _QUEUE_NEEDS}
    return set()


def _allowed(role: dict[str, Any]) -> set[tuple[str, str]]:
    """Every action with every resource on which the role allows it."""
    pairs = set()
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            resources = statement["Resource"]
            for resource in resources if isinstance(resources, list) else [resources]:
                pairs |= {(action, json.dumps(resource)) for action in statement["Action"]}
    return pairs


def _handed_over(resource: str) -> str:
    """The parameter for a resource of the core stack: `${MeteringQueueArn}` for `${MeteringQueue.Arn}`."""
    return re.sub(r"\$\{(\w+)\.(\w+)\}", r"${\1\2}", resource)


def _expected(function: Declared, log_group: str) -> set[tuple[str, str]]:
    pairs = {(action, json.dumps({"Fn::GetAtt": [log_group, "Arn"]})) for action in _OWN_LOG}
    for grant in function["grants"]:
        for resource in grant["resources"]:
            written = {"Fn::Sub": _handed_over(resource)} if "${" in resource else resource
            pairs |= {(action, json.dumps(written)) for action in grant["actions"]}
    return pairs | _trigger_needs(function)


@pytest.mark.guarantee("G48")
def test_g48_each_role_allows_exactly_what_its_function_declares(packaged: Packaged) -> None:
    """Compares the actions and resources as sets, for every function of the registry."""
    roles, lambdas = packaged.of_type("AWS::IAM::Role"), packaged.functions()
    functions = declared(packaged.project)
    assert functions
    for function in functions:
        properties = lambdas[function["logical_id"]]
        role = roles[function["area"], properties["Role"]["Fn::GetAtt"][0]]
        log_group = properties["LoggingConfig"]["LogGroup"]["Ref"]
        assert _allowed(role) == _expected(function, log_group), function["name"]


@pytest.mark.guarantee("G48")
def test_g48_no_role_has_anything_besides_its_own_statements(packaged: Packaged) -> None:
    """It has no managed policy and no attached policy, and only one service may assume it."""
    for name, role in packaged.of_type("AWS::IAM::Role").items():
        assert set(role) == {"AssumeRolePolicyDocument", "Policies"}, name
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert list(trust["Principal"]) == ["Service"], name
    assert not packaged.of_type("AWS::IAM::Policy")
    assert not packaged.of_type("AWS::IAM::ManagedPolicy")


@pytest.mark.guarantee("G48")
def test_g48_a_state_machine_calls_only_the_functions_it_names(packaged: Packaged) -> None:
    """Its role and its substitutions have the same functions, which all exist."""
    roles, lambdas = packaged.of_type("AWS::IAM::Role"), packaged.functions()
    for (area, name), machine in packaged.of_type("AWS::StepFunctions::StateMachine").items():
        role = roles[area, machine["RoleArn"]["Fn::GetAtt"][0]]
        callable_arns = {resource for action, resource in _allowed(role) if action == "lambda:InvokeFunction"}
        substituted = {json.dumps(arn) for arn in machine["DefinitionSubstitutions"].values()}
        assert callable_arns == substituted, name
        assert {json.loads(arn)["Fn::GetAtt"][0] for arn in substituted} <= set(lambdas), name
        for placeholder, arn in machine["DefinitionSubstitutions"].items():
            assert arn == {"Fn::GetAtt": [placeholder, "Arn"]}
            assert f"${{{placeholder}}}" in machine["DefinitionString"]


def test_functions_of_an_area_with_the_same_grants_share_one_role(fixture: Packaged) -> None:
    """Functions with other grants do not share it."""
    role_of = {name: json.dumps(lambda_["Role"]) for name, lambda_ in fixture.functions().items()}
    assert role_of["Connect"] == role_of["Crash"]
    assert len({role_of[name] for name in ("GetNote", "PutNote", "Connect", "Tick", "SendLetter")}) == 5
