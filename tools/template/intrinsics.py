"""Short forms of CloudFormation's functions, and resources that several parts make."""

from typing import Any

Resources = dict[str, dict[str, Any]]


def ref(logical_id: str) -> dict[str, str]:
    """`Ref` to a parameter or resource."""
    return {"Ref": logical_id}


def attribute(logical_id: str, name: str = "Arn") -> dict[str, list[str]]:
    """`Fn::GetAtt` of a resource."""
    return {"Fn::GetAtt": [logical_id, name]}


def sub(text: str) -> dict[str, str]:
    """`Fn::Sub` of `text`."""
    return {"Fn::Sub": text}


def camel(name: str) -> str:
    """`create_deployment` or `deployment-provision` as a logical id."""
    return "".join(part.capitalize() for part in name.replace("-", "_").split("_"))


def allow(actions: list[str], resources: Any) -> dict[str, Any]:
    """A policy statement."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def role(service: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    """A role that `service` assumes, with the permissions `statements`."""
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    policy = {"Version": "2012-10-17", "Statement": statements}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [{"PolicyName": "grants", "PolicyDocument": policy}],
        },
    }


def log_group(name: str) -> dict[str, Any]:
    """A log group that keeps lines for 30 days."""
    return {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"LogGroupName": sub(name), "RetentionInDays": 30},
    }
