"""The packaged templates are complete and valid, with one function for each endpoint."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.aws.machines import MACHINES
from tests.template.declared import Declared, declared
from tests.template.projects import Packaged
from tools import finalise
from tools.package import ROOT
from tools.template.stacks import AREAS, ORDER


def _lint(*templates: str) -> subprocess.CompletedProcess[str]:
    linter = str(Path(sys.executable).with_name("cfn-lint"))
    command = [linter, "--regions", "eu-north-1", "--", *templates]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_packaged_templates_pass_cfn_lint(packaged: Packaged) -> None:
    """They have placeholders for the archives, as for `sam validate --lint`."""
    linted = _lint(*(str(packaged.build / f"{stack}.json") for stack in packaged.templates))
    assert linted.returncode == 0, linted.stdout


def test_the_data_stack_passes_cfn_lint() -> None:
    """It is written by hand."""
    linted = _lint(str(ROOT / "infra" / "data.yaml"))
    assert linted.returncode == 0, linted.stdout


def _data_outputs() -> set[str]:
    lines = (ROOT / "infra" / "data.yaml").read_text().split("\nOutputs:\n")[1].splitlines()
    return {line.strip().rstrip(":") for line in lines if re.match(r"  \w", line)}


def test_every_parameter_is_an_output_of_a_stack_that_is_deployed_before(packaged: Packaged) -> None:
    """The roll-out passes outputs on unchanged; it also knows the installation's name."""
    known = {"Installation", *_data_outputs()}
    for stack, template in packaged.templates.items():
        assert set(template.get("Parameters", {})) <= known, stack
        known |= set(template.get("Outputs", {}))
    assert list(packaged.templates) == [stack for stack in ORDER if stack in packaged.templates]


def test_no_output_of_the_data_stack_is_unknown_to_all(product: Packaged) -> None:
    """Only one output is for people and used by no stack: the table's key."""
    taken = {name for template in product.templates.values() for name in template.get("Parameters", {})}
    assert _data_outputs() - taken == {"DataKeyArn"}


def test_what_the_core_hands_over_is_what_its_name_says(packaged: Packaged) -> None:
    """`MeteringQueueArn` is the ARN of the resource `MeteringQueue`; `MeteringQueue` is its `Ref`."""
    core = packaged.templates["core"]
    for name, output in core["Outputs"].items():
        if name in core["Resources"]:
            assert output == {"Value": {"Ref": name}}
        else:
            assert output == {"Value": {"Fn::GetAtt": [name.removesuffix("Arn"), "Arn"]}}


def test_no_area_needs_another(packaged: Packaged) -> None:
    """Areas can be deployed in any order, and a failed one does not affect the others."""
    areas = set(AREAS) & set(packaged.templates)
    outputs = {name for area in areas for name in packaged.templates[area].get("Outputs", {})}
    for template in packaged.templates.values():
        assert not outputs & set(template.get("Parameters", {}))


def test_every_function_of_the_registry_is_a_lambda_of_its_area_with_its_trigger(packaged: Packaged) -> None:
    """It checks name, handler, size and trigger."""
    lambdas = packaged.of_type("AWS::Lambda::Function")
    functions = declared(packaged.project)
    assert set(lambdas) == {(function["area"], function["logical_id"]) for function in functions}
    for function in functions:
        properties = lambdas[function["area"], function["logical_id"]]
        assert properties["Handler"] == f"{function['module']}.{function['name']}"
        assert properties["FunctionName"] == {"Fn::Sub": f"${{AWS::StackName}}-{function['name']}"}
        assert properties["MemorySize"] == function["memory_mb"]
        assert properties["Timeout"] == function["timeout_seconds"]
        assert _is_triggered(packaged, function), function["name"]


def _named(function: Declared) -> str:
    """The end of the function's ARN, as in the front stack."""
    return f":function:${{Installation}}-{function['area']}-{function['name']}/invocations"


def _is_triggered(packaged: Packaged, function: Declared) -> bool:
    logical_id, trigger = function["logical_id"], function["trigger"]
    match function["kind"]:
        case "Route":
            places = [(trigger["method"], trigger["path"]), *trigger["aliases"]]
            uris = [packaged.operations()[path, method.lower()]["uri"]["Fn::Sub"] for method, path in places]
            return all(uri.endswith(_named(function)) for uri in uris)
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
                found["IntegrationUri"]["Fn::Sub"]
                for found in packaged.of_type("AWS::ApiGatewayV2::Integration").values()
            ]
            routes = packaged.of_type("AWS::ApiGatewayV2::Route").values()
            keys = {route["RouteKey"] for route in routes}
            return trigger["route_key"] in keys and any(uri.endswith(_named(function)) for uri in uris)
        case _:
            mappings = packaged.of_type("AWS::Lambda::EventSourceMapping").values()
            return any(mapping["FunctionName"] == {"Ref": logical_id} for mapping in mappings)


def test_every_operation_leads_to_the_function_that_declares_it(packaged: Packaged) -> None:
    """Only aliases share a function, and no operation calls Chalice's handler for all routes."""
    places: dict[str, set[tuple[str, str]]] = {}
    for (path, method), found in packaged.operations().items():
        if method != "options":
            places.setdefault(found["uri"]["Fn::Sub"], set()).add((method.upper(), path))
    routes = [function["trigger"] for function in declared(packaged.project) if function["kind"] == "Route"]
    expected = [{(route["method"], route["path"]), *map(tuple, route["aliases"])} for route in routes]
    assert sorted(map(sorted, places.values())) == sorted(map(sorted, expected))
    assert "APIHandler" not in json.dumps(packaged.templates)


def test_every_state_machine_that_is_started_is_deployed_and_no_other(product: Packaged) -> None:
    """Its name contains its area and its own name."""
    machines = product.of_type("AWS::StepFunctions::StateMachine").items()
    names = {
        found["StateMachineName"]["Fn::Sub"].replace("${AWS::StackName}", area) for (area, _), found in machines
    }
    assert names == MACHINES


def test_every_path_answers_a_preflight_for_the_front_end(packaged: Packaged) -> None:
    """It allows credentials, which requires an origin that is not a star."""
    for (path, method), integration in packaged.operations().items():
        if method == "options":
            headers = integration["responses"]["default"]["responseParameters"]
            origin = headers["method.response.header.Access-Control-Allow-Origin"]
            assert origin == {"Fn::Sub": "'${PublicUrl}'"}, path
            assert headers["method.response.header.Access-Control-Allow-Credentials"] == "'true'"


def test_all_apis_are_one_under_the_operators_domain(packaged: Packaged) -> None:
    """Each API has a base path; the paths below `/v1` have an API of their own."""
    assert packaged.apis == {"api": "RestAPI", "api/v1": "RestAPIV1"}
    mappings = packaged.of_type("AWS::ApiGatewayV2::ApiMapping").values()
    assert {json.dumps(mapping["DomainName"]) for mapping in mappings} == {'{"Ref": "ApiHost"}'}
    ((_, domain),) = packaged.of_type("AWS::ApiGatewayV2::DomainName").items()
    (configuration,) = domain["DomainNameConfigurations"]
    # Base paths with several parts require a regional domain and TLS 1.2.
    assert (configuration["EndpointType"], configuration["SecurityPolicy"]) == ("REGIONAL", "TLS_1_2")


def test_a_path_that_moves_to_another_api_is_mapped_before_its_old_one_loses_it(packaged: Packaged) -> None:
    """CloudFormation updates independent resources in any order."""
    resources = packaged.templates["front"]["Resources"]
    assert resources["RestAPI"]["DependsOn"] == ["RestAPIV1Mapping"]
    assert "DependsOn" not in resources["RestAPIV1"]


def test_apis_answer_in_our_envelope_and_raise_an_alarm(packaged: Packaged) -> None:
    """Every API does, because the gateway's own answers must not depend on the path."""
    alarms = packaged.of_type("AWS::CloudWatch::Alarm").values()
    watched = [json.dumps(alarm["Dimensions"][0]["Value"]) for alarm in alarms]
    for api in packaged.of_type("AWS::ApiGateway::RestApi").values():
        assert set(api["Body"]["x-amazon-apigateway-gateway-responses"]) >= {
            "DEFAULT_4XX",
            "DEFAULT_5XX",
            "THROTTLED",
        }
        assert json.dumps(api["Name"]) in watched


def test_the_stream_is_bisected_retried_and_set_aside(fixture: Packaged) -> None:
    """A poisoned record must not stop the records after it."""
    (stream,) = [
        mapping
        for mapping in fixture.of_type("AWS::Lambda::EventSourceMapping").values()
        if mapping["EventSourceArn"] == {"Ref": "TableStreamArn"}
    ]
    assert stream["BisectBatchOnFunctionError"] is True
    assert stream["MaximumRetryAttempts"] == 5
    assert stream["BatchSize"] == 5
    assert stream["DestinationConfig"]["OnFailure"]["Destination"] == {"Ref": "StreamDeadLettersArn"}
    assert stream["MaximumRecordAgeInSeconds"] == 3_600


def test_functions_log_json_into_a_group_that_forgets(packaged: Packaged) -> None:
    """The templates declare the log groups, so that they have a retention."""
    groups = packaged.of_type("AWS::Logs::LogGroup")
    for (area, name), properties in packaged.of_type("AWS::Lambda::Function").items():
        assert properties["LoggingConfig"]["LogFormat"] == "JSON", name
        assert groups[area, properties["LoggingConfig"]["LogGroup"]["Ref"]]["RetentionInDays"] > 0, name


def test_two_operations_on_one_function_stop_the_build(fixture: Packaged) -> None:
    """Each endpoint has its own Lambda; only an alias can share it."""
    chalices, plan = _chalices(fixture), json.loads((fixture.build / "plan.json").read_text())
    finalise.check_operations(chalices, plan["operations"])
    paths = chalices["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    paths["/again"] = {"get": paths["/notes/{noteId}"]["get"]}
    with pytest.raises(finalise.SharedFunction, match=r"GET /again and GET /notes/\{noteId\}"):
        finalise.check_operations(chalices, plan["operations"])


def test_an_operation_without_a_function_stops_the_build(fixture: Packaged) -> None:
    """Chalice's handler for all routes would answer it."""
    chalices = _chalices(fixture)
    paths = chalices["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    paths["/crash"]["post"]["x-amazon-apigateway-integration"]["uri"] = {"Fn::Sub": "x/${APIHandler.Arn}/y"}
    with pytest.raises(finalise.SharedFunction, match="POST /crash"):
        finalise.check_operations(chalices, {})


def _chalices(packaged: Packaged) -> Any:
    return json.loads((packaged.build / "chalice" / "sam.json").read_text())
