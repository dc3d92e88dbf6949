"""The WebSocket API, made only if a function listens on it: the API in the core stack, its routes in the front."""

from collections.abc import Iterable
from typing import Any

from chalicelib.runtime.registry import Function, Socket
from tools.template.api import INVOKE_ROLE, integration_uri
from tools.template.intrinsics import Resources, attribute, camel, ref, sub
from tools.template.shares import STAGE

API = "WebsocketAPI"


def api(registry: Iterable[Function]) -> Resources:
    """The API without routes; the grant to send to connections refers to it by its id."""
    return {API: _api()} if _listeners(registry) else {}


def resources(registry: Iterable[Function]) -> Resources:
    """A route with its integration for each function, deployment and stage."""
    listeners = _listeners(registry)
    if not listeners:
        return {}
    made: Resources = {f"{API}Stage": _stage()}
    for function, route_key in listeners:
        made |= _route(function, route_key)
    routes = sorted(name for name, resource in made.items() if resource["Type"].endswith("::Route"))
    made[f"{API}Deployment"] = {
        "Type": "AWS::ApiGatewayV2::Deployment",
        "DependsOn": routes,
        "Properties": {"ApiId": ref(API)},
    }
    return made


def outputs(registry: Iterable[Function]) -> dict[str, Any]:
    """The address to which clients connect."""
    if not _listeners(registry):
        return {}
    address = f"wss://${{{API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}"
    return {"WebsocketAPIId": {"Value": ref(API)}, "WebsocketURL": {"Value": sub(address)}}


def _listeners(registry: Iterable[Function]) -> list[tuple[Function, str]]:
    return [(f, f.trigger.route_key) for f in registry if isinstance(f.trigger, Socket)]


def _api() -> dict[str, Any]:
    return {
        "Type": "AWS::ApiGatewayV2::Api",
        "Properties": {
            "Name": sub("${Installation}-websocket"),
            "ProtocolType": "WEBSOCKET",
            "RouteSelectionExpression": "$request.body.action",
        },
    }


def _stage() -> dict[str, Any]:
    return {
        "Type": "AWS::ApiGatewayV2::Stage",
        "Properties": {
            "ApiId": ref(API),
            "StageName": STAGE,
            "DeploymentId": ref(f"{API}Deployment"),
            "DefaultRouteSettings": {"ThrottlingRateLimit": 500, "ThrottlingBurstLimit": 1000},
        },
    }


def _route(function: Function, route_key: str) -> Resources:
    integration = f"{function.logical_id}Integration"
    return {
        integration: {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": ref(API),
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": integration_uri(function),
                "CredentialsArn": attribute(INVOKE_ROLE),
            },
        },
        f"{camel(route_key.strip('$'))}Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": ref(API),
                "RouteKey": route_key,
                "Target": sub(f"integrations/${{{integration}}}"),
            },
        },
    }
