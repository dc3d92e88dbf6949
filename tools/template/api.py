"""The REST APIs: integrations, CORS, errors in our envelope, access log, and the domain that joins them.

Chalice makes one API of all routes; `tools/finalise.py` divides its paths among the REST APIs (`shares.py`).
"""

import json
from collections.abc import Collection, Iterable
from typing import Any

from chalicelib.runtime.registry import Function, Route
from tools.template.intrinsics import Resources, allow, attribute, log_group, ref, role, sub
from tools.template.shares import STAGE, RestApi

INVOKE_ROLE = "ApiInvokeRole"
HAS_DOMAIN = "HasDomain"

_ORIGIN = "method.response.header.Access-Control-Allow-Origin"
_THROTTLE_RATE = 500
_THROTTLE_BURST = 1000

_ACCESS_LOG_FIELDS = {
    "requestId": "$context.requestId",
    "sourceIp": "$context.identity.sourceIp",
    "time": "$context.requestTime",
    "method": "$context.httpMethod",
    "api": "$context.apiId",
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
"""The errors that API Gateway answers itself, before any function runs: status, code and message."""


def function_arn(function: Function) -> str:
    """The function's ARN from its name, which needs no reference to the stack that has the function."""
    name = f"${{Installation}}-{function.area}-{function.name}"
    return f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{name}"


def integration_uri(function: Function) -> dict[str, str]:
    """How an API names the function behind an integration."""
    path = f"lambda:path/2015-03-31/functions/{function_arn(function)}/invocations"
    return sub(f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:{path}")


def operations(registry: Iterable[Function]) -> dict[str, str]:
    """The logical id of the function behind each operation, such as `GET /health`."""
    return {
        f"{method} {path}": function.logical_id
        for function in registry
        if isinstance(function.trigger, Route)
        for method, path in function.trigger.places
    }


def merged(registry: Iterable[Function]) -> dict[str, Any]:
    """The additions to Chalice's paths: the integration of each operation, and the origin for CORS."""
    paths: dict[str, Any] = {}
    for function in registry:
        if isinstance(function.trigger, Route):
            for method, path in function.trigger.places:
                integration = {"uri": integration_uri(function), "credentials": attribute(INVOKE_ROLE)}
                known = paths.setdefault(path, {"options": _preflight()})
                known[method.lower()] = {"x-amazon-apigateway-integration": integration}
    return paths


def resources(apis: Collection[RestApi]) -> Resources:
    """The APIs without their paths, the resources that they share, and the domain's mappings."""
    made: Resources = {INVOKE_ROLE: _invoke_role()}
    for api in apis:
        # If a path moves to a narrower API, its mapping exists before this API loses the path.
        narrower = [f"{other.logical_id}Mapping" for other in apis if other.is_below(api)]
        made[api.logical_id] = _rest_api(api) | ({"DependsOn": narrower} if narrower else {})
        made[f"{api.logical_id}Mapping"] = _mapping(api)
    if len(made) > 1:
        made |= {"ApiAccessLogs": log_group("/hearth/${AWS::StackName}/api-access"), "ApiHost": _host()}
    return made


def conditions(apis: Collection[RestApi]) -> dict[str, Any]:
    """The condition that the operator has set a domain."""
    return {HAS_DOMAIN: {"Fn::Not": [{"Fn::Equals": [ref("ApiDomain"), "none"]}]}} if apis else {}


def outputs(apis: Collection[RestApi]) -> dict[str, Any]:
    """The id and address of each API, the address of all of them, and the target of the domain's DNS record."""
    if not apis:
        return {}
    made: dict[str, Any] = {}
    for api in apis:
        address = f"https://${{{api.logical_id}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}"
        made[f"{api.logical_id}Id"] = {"Value": ref(api.logical_id)}
        made[f"{api.logical_id}Url"] = {"Description": f"/{api.base_path}", "Value": sub(address)}
    return made | {
        "ApiUrl": {"Condition": HAS_DOMAIN, "Value": sub(f"https://${{ApiDomain}}/{STAGE}")},
        "ApiDomainTarget": {"Condition": HAS_DOMAIN, "Value": attribute("ApiHost", "RegionalDomainName")},
    }


def _invoke_role() -> dict[str, Any]:
    """Lets the APIs call this installation's functions."""
    own = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${Installation}-*"
    return role("apigateway.amazonaws.com", [allow(["lambda:InvokeFunction"], sub(own))])


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


def _rest_api(api: RestApi) -> dict[str, Any]:
    everywhere = {
        "ResourcePath": "/*",
        "HttpMethod": "*",
        "MetricsEnabled": True,
        "ThrottlingRateLimit": _THROTTLE_RATE,
        "ThrottlingBurstLimit": _THROTTLE_BURST,
    }
    log = {"DestinationArn": attribute("ApiAccessLogs"), "Format": json.dumps(_ACCESS_LOG_FIELDS)}
    return {
        "Type": "AWS::Serverless::Api",
        "Properties": {
            "Name": sub(api.name),
            "StageName": STAGE,
            "EndpointConfiguration": "REGIONAL",
            "MethodSettings": [everywhere],
            "AccessLogSetting": log,
            "DefinitionBody": {"x-amazon-apigateway-gateway-responses": _gateway_responses()},
        },
    }


def _host() -> dict[str, Any]:
    configuration = {
        "CertificateArn": ref("ApiCertificateArn"),
        "EndpointType": "REGIONAL",
        "SecurityPolicy": "TLS_1_2",
    }
    return {
        "Type": "AWS::ApiGatewayV2::DomainName",
        "Condition": HAS_DOMAIN,
        "Properties": {"DomainName": ref("ApiDomain"), "DomainNameConfigurations": [configuration]},
    }


def _mapping(api: RestApi) -> dict[str, Any]:
    return {
        "Type": "AWS::ApiGatewayV2::ApiMapping",
        "Condition": HAS_DOMAIN,
        "Properties": {
            "DomainName": ref("ApiHost"),
            "ApiId": ref(api.logical_id),
            "Stage": ref(f"{api.logical_id}.Stage"),
            "ApiMappingKey": api.base_path,
        },
    }
