"""The packaged template: whole, valid, inside its budgets, one function behind each endpoint."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.template.declared import Declared, declared
from tests.template.projects import Packaged
from tools import finalise
from tools.package import ROOT


def _lint(*templates: str) -> subprocess.CompletedProcess[str]:
    linter = str(Path(sys.executable).with_name("cfn-lint"))
    command = [linter, "--regions", "eu-north-1", "--", *templates]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_packaged_template_passes_cfn_lint(packaged: Packaged) -> None:
    """With its placeholders for the archives, as `sam validate --lint` would see it."""
    linted = _lint(str(packaged.build / "template.json"))
    assert linted.returncode == 0, linted.stdout


def test_the_data_stack_passes_cfn_lint() -> None:
    """It is written by hand."""
    linted = _lint(str(ROOT / "infra" / "data.yaml"))
    assert linted.returncode == 0, linted.stdout


def test_the_data_stacks_outputs_are_the_app_stacks_parameters(packaged: Packaged) -> None:
    """Whoever deploys hands one to the other as they are."""
    outputs = [
        line.strip().rstrip(":")
        for line in (ROOT / "infra" / "data.yaml").read_text().split("\nOutputs:\n")[1].splitlines()
        if line.startswith("  ") and not line.startswith("    ")
    ]
    assert sorted(packaged.template["Parameters"]) == sorted(outputs)


def test_every_function_of_the_registry_is_a_lambda_with_its_trigger(packaged: Packaged) -> None:
    """Name, handler, size, and whatever calls it."""
    lambdas = packaged.functions()
    functions = declared(packaged.project)
    assert set(lambdas) == {function["logical_id"] for function in functions}
    for function in functions:
        properties = lambdas[function["logical_id"]]
        assert properties["Handler"] == f"{function['module']}.{function['name']}"
        assert properties["FunctionName"] == {"Fn::Sub": f"${{AWS::StackName}}-{function['name']}"}
        assert properties["MemorySize"] == function["memory_mb"]
        assert properties["Timeout"] == function["timeout_seconds"]
        assert _is_triggered(packaged, function), function["name"]


def _is_triggered(packaged: Packaged, function: Declared) -> bool:
    logical_id, trigger = function["logical_id"], function["trigger"]
    match function["kind"]:
        case "Route":
            uri = _integrations(packaged)[trigger["path"], trigger["method"].lower()]["uri"]
            return f"${{{logical_id}.Arn}}" in json.dumps(uri)
        case "Task":
            machines = packaged.of_type("AWS::StepFunctions::StateMachine").values()
            called = {name for machine in machines for name in machine["DefinitionSubstitutions"]}
            return logical_id in called
        case "Webhook":
            urls = packaged.of_type("AWS::Lambda::Url").values()
            return any(url["TargetFunctionArn"] == {"Ref": logical_id} for url in urls)
        case "Schedule":
            rules = packaged.of_type("AWS::Events::Rule").values()
            return any(
                rule["ScheduleExpression"] == trigger["rate"]
                and rule["Targets"][0]["Arn"] == {"Fn::GetAtt": [logical_id, "Arn"]}
                for rule in rules
            )
        case "Socket":
            uris = [
                json.dumps(found["IntegrationUri"])
                for found in packaged.of_type("AWS::ApiGatewayV2::Integration").values()
            ]
            routes = packaged.of_type("AWS::ApiGatewayV2::Route").values()
            keys = {route["RouteKey"] for route in routes}
            return trigger["route_key"] in keys and any(f"${{{logical_id}.Arn}}" in uri for uri in uris)
        case _:
            mappings = packaged.of_type("AWS::Lambda::EventSourceMapping").values()
            return any(mapping["FunctionName"] == {"Ref": logical_id} for mapping in mappings)


def _integrations(packaged: Packaged) -> dict[tuple[str, str], dict[str, Any]]:
    paths = packaged.template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    return {
        (path, method): operation["x-amazon-apigateway-integration"]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


def test_no_two_operations_share_a_function(packaged: Packaged) -> None:
    """And none leads to Chalice's all-in-one handler, which is not deployed."""
    uris = [
        json.dumps(found["uri"]) for (_, method), found in _integrations(packaged).items() if method != "options"
    ]
    assert len(uris) == len(set(uris)) > 0
    assert "APIHandler" not in json.dumps(packaged.template)


def test_every_path_answers_a_preflight_for_the_front_end(packaged: Packaged) -> None:
    """With credentials, and so with an origin that is not a star."""
    for (path, method), integration in _integrations(packaged).items():
        if method == "options":
            headers = integration["responses"]["default"]["responseParameters"]
            origin = headers["method.response.header.Access-Control-Allow-Origin"]
            assert origin == {"Fn::Sub": "'${PublicUrl}'"}, path
            assert headers["method.response.header.Access-Control-Allow-Credentials"] == "'true'"


def test_the_stream_is_bisected_retried_and_set_aside(fixture: Packaged) -> None:
    """A poisoned record must not stop those behind it."""
    (stream,) = [
        mapping
        for mapping in fixture.of_type("AWS::Lambda::EventSourceMapping").values()
        if mapping["EventSourceArn"] == {"Ref": "TableStreamArn"}
    ]
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["MaximumRetryAttempts"] == 5
    assert stream["BatchSize"] == 5
    assert stream["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["StreamDeadLetters", "Arn"]}
    patterns = [json.loads(found["Pattern"]) for found in stream["FilterCriteria"]["Filters"]]
    assert patterns == [{"eventName": ["INSERT"], "dynamodb": {"NewImage": {"sk": {"S": ["note"]}}}}]


def test_functions_log_json_into_a_group_that_forgets(packaged: Packaged) -> None:
    """Log groups are ours, so that they have a retention."""
    groups = packaged.of_type("AWS::Logs::LogGroup")
    for name, properties in packaged.functions().items():
        assert properties["LoggingConfig"]["LogFormat"] == "JSON", name
        assert groups[properties["LoggingConfig"]["LogGroup"]["Ref"]]["RetentionInDays"] > 0, name


def test_the_package_is_inside_its_budgets(product: Packaged) -> None:
    """The build fails above them; this says by how much it is below."""
    archives = (product.build / "code.zip", product.build / "layer.zip")
    finalise.check_budgets(finalise.measure(product.template, archives), finalise.Budgets())


@pytest.mark.parametrize("name", ["resources", "template_bytes", "path_nodes", "unzipped_bytes"])
def test_each_budget_stops_the_build(fixture: Packaged, name: str) -> None:
    """With both figures in the sentence."""
    archives = (fixture.build / "code.zip", fixture.build / "layer.zip")
    size = finalise.measure(fixture.template, archives)
    actual = getattr(size, name)
    finalise.check_budgets(size, finalise.Budgets(**{name: actual}))
    with pytest.raises(finalise.BudgetExceeded, match=rf"{actual:,}.*{actual - 1:,}"):
        finalise.check_budgets(size, finalise.Budgets(**{name: actual - 1}))


def test_path_nodes_count_every_prefix_once(fixture: Packaged) -> None:
    """/crash, /overreach, /notes and /notes/{noteId}."""
    assert finalise.measure(fixture.template, ()).path_nodes == 4


def test_two_operations_on_one_function_stop_the_build(fixture: Packaged) -> None:
    """The promise is one endpoint, one Lambda."""
    template = json.loads(json.dumps(fixture.template))
    paths = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    paths["/again"] = {"get": paths["/notes/{noteId}"]["get"]}
    with pytest.raises(finalise.SharedFunction, match=r"GET /again and GET /notes/\{noteId\}"):
        finalise.check_operations(template)


def test_an_operation_without_a_function_stops_the_build(fixture: Packaged) -> None:
    """What Chalice would answer by its all-in-one handler."""
    template = json.loads(json.dumps(fixture.template))
    paths = template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    paths["/crash"]["post"]["x-amazon-apigateway-integration"]["uri"] = {"Fn::Sub": "x/${APIHandler.Arn}/y"}
    with pytest.raises(finalise.SharedFunction, match="POST /crash"):
        finalise.check_operations(template)
