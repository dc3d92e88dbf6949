"""The REST API: each route's integration with its own function, CORS, errors in our envelope, access log."""

import json
from collections.abc import Iterable
from typing import Any

from chalicelib.runtime.registry import Function, Route
from tools.template.intrinsics import Resources, allow, attribute, log_group, ref, role, sub

INVOKE_ROLE = "ApiInvokeRole"
API = "RestAPI"
"""The logical id that Chalice gives."""

_ORIGIN = "method.response.header.Access-Control-Allow-Origin"
_THROTTLE_RATE = 500
_THROTTLE_BURST = 1000

_ACCESS_LOG_FIELDS = {
    "requestId": "$context.requestId",
    "sourceIp": "$context.identity.sourceIp",
    "time": "$context.requestTime",
    "method": "$context.httpMethod",
    "path": "$context.resourcePath",
    "status": "$context.status",
    "latencyMs": "$context.responseLatency",
    "error": "$context.error.message",
}

_GATEWAY_ERRORS = {
    "DEFAULT_4XX": (None, "BAD_REQUEST", "The request could not be read."),
    "DEFAULT_5XX": (None, "INTERNAL_ERROR", "Something went wrong on our side. Try again."),
    "MISSING_AUTHENTICATION_TOKEN": (404, "NOT_FOUND", "There is nothing at this address."),
    "THROTTLED": (429, "RATE_LIMITED", "Too many requests. Try again in a moment."),
    "REQUEST_TOO_LARGE": (413, "VALIDATION_ERROR", "The request is larger than 10 MB."),
}
"""What API Gateway says itself, before any function runs: status, code and message."""


def integration_uri(logical_id: str) -> dict[str, str]:
    """How an API names the function behind an integration."""
    path = f"lambda:path/2015-03-31/functions/${{{logical_id}.Arn}}/invocations"
    return sub(f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:{path}")


def resources(registry: Iterable[Function]) -> Resources:
    """What is merged into Chalice's API; nothing without routes."""
    paths: dict[str, Any] = {}
    for function in registry:
        if isinstance(function.trigger, Route):
            operations = paths.setdefault(function.trigger.path, {"options": _preflight()})
            operations[function.trigger.method.lower()] = _operation(function)
    invoke: Resources = {INVOKE_ROLE: _invoke_role()}
    if not paths:
        return invoke
    body = {"paths": paths, "x-amazon-apigateway-gateway-responses": _gateway_responses()}
    return invoke | {
        API: {"Properties": {"DefinitionBody": body, **_stage()}},
        "ApiAccessLogs": log_group("/hearth/${AWS::StackName}/api-access"),
    }


def _invoke_role() -> dict[str, Any]:
    """Lets both APIs call this stack's functions, by name, so that no circle of references arises."""
    own = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-*"
    return role("apigateway.amazonaws.com", [allow(["lambda:InvokeFunction"], sub(own))])


def _operation(function: Function) -> dict[str, Any]:
    integration = {
        "uri": integration_uri(function.logical_id),
        "credentials": attribute(INVOKE_ROLE),
    }
    return {"operationId": function.name, "x-amazon-apigateway-integration": integration}


def _preflight() -> dict[str, Any]:
    origin = {"responseParameters": {_ORIGIN: sub("'${PublicUrl}'")}}
    return {"x-amazon-apigateway-integration": {"responses": {"default": origin}}}


def _gateway_responses() -> dict[str, Any]:
    return {kind: _gateway_response(*answer) for kind, answer in _GATEWAY_ERRORS.items()}


def _gateway_response(status: int | None, code: str, message: str) -> dict[str, Any]:
    body = {"success": False, "error": {"code": code, "message": message, "details": []}}
    response: dict[str, Any] = {
        "responseParameters": {
            "gatewayresponse.header.Access-Control-Allow-Origin": sub("'${PublicUrl}'"),
            "gatewayresponse.header.Access-Control-Allow-Credentials": "'true'",
        },
        "responseTemplates": {"application/json": json.dumps(body)},
    }
    return response if status is None else {"statusCode": status, **response}


def _stage() -> dict[str, Any]:
    everywhere = {
        "ResourcePath": "/*",
        "HttpMethod": "*",
        "MetricsEnabled": True,
        "ThrottlingRateLimit": _THROTTLE_RATE,
        "ThrottlingBurstLimit": _THROTTLE_BURST,
    }
    log = {"DestinationArn": attribute("ApiAccessLogs"), "Format": json.dumps(_ACCESS_LOG_FIELDS)}
    return {
        "Name": ref("AWS::StackName"),
        "MethodSettings": [everywhere],
        "AccessLogSetting": log,
    }
