"""Deploys the package to the local AWS stack by stack, as an operator deploys it to the real one."""

import copy
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dev.localcloud.awsclient import LocalAws
from tools.template.keeping import Deployed
from tools.template.stacks import Template

if TYPE_CHECKING:
    from types_boto3_cloudformation.literals import CapabilityType
    from types_boto3_cloudformation.type_defs import ParameterTypeDef

DEPLOY_BUCKET = "hearth-deploy"
_INLINE_TEMPLATE_BYTES = 51_200
"""The limit of CreateChangeSet's TemplateBody; larger templates are read from S3."""

_CAPABILITIES: list["CapabilityType"] = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_POLL_SECONDS = 0.05
_DEADLINE_SECONDS = 120.0
_FINISHED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


class DeploymentFailed(Exception):
    """CloudFormation refused a deployment or rolled it back; the message names the resource and the reason."""


class Stacks:
    """CloudFormation of the local AWS; implements `Account` (`tools/rollout.py`)."""

    def __init__(self, aws: LocalAws, build: Path) -> None:
        """Deploy templates whose archives are in `build`."""
        self._aws = aws
        self._build = build
        self._cloudformation = aws.cloudformation()
        self._s3 = aws.s3()
        self._known: set[str] = set()

    def deploy(self, stack: str, template: Template, parameters: Mapping[str, str]) -> dict[str, str]:
        """Create or update `stack` from a packaged template, if it has changed; return its outputs.

        Raises:
            DeploymentFailed: with the reason of the first resource that failed.
        """
        return self.deploy_text(stack, located(template, self._uploaded), parameters)

    def deployed(self, stack: str) -> Deployed | None:
        """The stack as it is now, or None."""
        return Deployed.read(self._cloudformation, stack) if self.exists(stack) else None

    def _uploaded(self, archive: str) -> dict[str, str]:
        """Upload `archive` to the deployment bucket, by the hash of its content; return its place."""
        content = (self._build / archive).read_bytes()
        key = f"{hashlib.sha256(content).hexdigest()}.zip"
        if key not in self._known:
            self._put(key, content)
            self._known.add(key)
        return {"Bucket": DEPLOY_BUCKET, "Key": key}

    def deploy_text(self, stack: str, template: str, parameters: Mapping[str, str]) -> dict[str, str]:
        """Create or update `stack` through a change set, if it has changed; return its outputs.

        Raises:
            DeploymentFailed: with the reason of the first resource that failed.
        """
        exists = self._status(stack) is not None
        given: list[ParameterTypeDef] = [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ]
        name = f"change-{time.time_ns()}"
        self._cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=name,
            ChangeSetType="UPDATE" if exists else "CREATE",
            Capabilities=_CAPABILITIES,
            Parameters=given,
            **self._template_argument(template),
        )
        if self._change_set_is_ready(stack, name):
            self._cloudformation.execute_change_set(StackName=stack, ChangeSetName=name)
            self._wait(stack)
        else:
            self._update_unseen(stack, template, given)
        return self.outputs(stack)

    def delete(self, stack: str) -> None:
        """Delete `stack` if it exists, and wait until it is gone.

        Raises:
            DeploymentFailed: with the reason of the first resource that failed.
        """
        if self._status(stack) is None:
            return
        self._cloudformation.delete_stack(StackName=stack)
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while (status := self._status(stack)) is not None:
            if status == "DELETE_FAILED" or time.monotonic() > deadline:
                raise DeploymentFailed(f"{stack} is {status}: {self._first_failure(stack)}")
            time.sleep(_POLL_SECONDS)

    def exists(self, stack: str) -> bool:
        """Whether `stack` has been deployed."""
        return self._status(stack) in _FINISHED

    def outputs(self, stack: str) -> dict[str, str]:
        """The outputs of `stack`."""
        described = self._cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}

    def _update_unseen(self, stack: str, template: str, given: list["ParameterTypeDef"]) -> None:
        """Update conditions and outputs, whose changes ministack's change sets do not see."""
        try:
            self._cloudformation.update_stack(
                StackName=stack, Capabilities=_CAPABILITIES, Parameters=given, **self._template_argument(template)
            )
        except self._cloudformation.exceptions.ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
        else:
            self._wait(stack)

    def _template_argument(self, template: str) -> dict[str, Any]:
        body = template.encode()
        if len(body) <= _INLINE_TEMPLATE_BYTES:
            return {"TemplateBody": template}
        key = f"{hashlib.sha256(body).hexdigest()}.template"
        self._put(key, body)
        return {"TemplateURL": f"{self._aws.endpoint}/{DEPLOY_BUCKET}/{key}"}

    def _put(self, key: str, content: bytes) -> None:
        existing = {bucket["Name"] for bucket in self._s3.list_buckets()["Buckets"]}
        if DEPLOY_BUCKET not in existing:
            self._s3.create_bucket(Bucket=DEPLOY_BUCKET)
        self._s3.put_object(Bucket=DEPLOY_BUCKET, Key=key, Body=content)

    def _status(self, stack: str) -> str | None:
        try:
            described = self._cloudformation.describe_stacks(StackName=stack)["Stacks"]
        except self._cloudformation.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return str(described[0]["StackStatus"]) if described else None

    def _change_set_is_ready(self, stack: str, name: str) -> bool:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while time.monotonic() < deadline:
            change_set = self._cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)
            if change_set["Status"] == "CREATE_COMPLETE":
                return True
            if change_set["Status"] == "FAILED":
                reason = change_set.get("StatusReason", "")
                if "didn't contain changes" in reason or "No updates" in reason:
                    self._cloudformation.delete_change_set(StackName=stack, ChangeSetName=name)
                    return False
                raise DeploymentFailed(f"{stack}: {reason}")
            time.sleep(_POLL_SECONDS)
        raise DeploymentFailed(f"{stack}: the change set was not ready within {_DEADLINE_SECONDS:.0f} s")

    def _wait(self, stack: str) -> None:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while time.monotonic() < deadline:
            status = self._status(stack)
            if status in _FINISHED:
                return
            if status is None or not status.endswith("IN_PROGRESS"):
                raise DeploymentFailed(f"{stack} is {status}: {self._first_failure(stack)}")
            time.sleep(_POLL_SECONDS)
        raise DeploymentFailed(f"{stack} was not ready within {_DEADLINE_SECONDS:.0f} s")

    def _first_failure(self, stack: str) -> str:
        events = self._cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        for event in reversed(events):
            if event["ResourceStatus"].endswith("FAILED"):
                return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        return "no reason given"


def located(template: Template, uploaded: Callable[[str], dict[str, str]]) -> str:
    """The packaged `template` with the archives' places in S3, as `sam package` writes them."""
    placed = copy.deepcopy(template)
    if "Globals" in placed:
        placed["Globals"]["Function"]["CodeUri"] = uploaded(placed["Globals"]["Function"]["CodeUri"])
    for resource in placed["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = uploaded(resource["Properties"]["ContentUri"])
    return json.dumps(placed, separators=(",", ":"))
