"""Reads a machine's remains from OpenStack directly, without the product."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from keystoneauth1.exceptions import ClientException
from keystoneauth1.identity import V3ApplicationCredential, V3Password
from keystoneauth1.session import Session

from dev.demo.checks import StepFailed
from dev.localcloud.targets import Target

_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class _Project:
    """One project of one region."""

    region_name: str
    session: Any

    def list(self, service_type: str, kind: str) -> list[Mapping[str, Any]]:
        """The project's resources of this kind in the service."""
        where = {"service_type": service_type, "region_name": self.region_name, "interface": "public"}
        found: list[Mapping[str, Any]] = self.session.get(f"/{kind}", endpoint_filter=where).json()[kind]
        return found


def remains_of(target: Target, deployment_id: str) -> list[str]:
    """The stacks and servers with the deployment's name, in every project that the product may use.

    Raises:
        StepFailed: the region does not answer.
    """
    name = deployment_id.replace("_", "-").lower()
    found: list[str] = []
    try:
        for project in _projects(target):
            stacks = project.list("orchestration", "stacks")
            found += [f"stack {name} {stack['stack_status']}" for stack in stacks if stack["stack_name"] == name]
            servers = project.list("compute", "servers")
            found += [f"server {server['name']}" for server in servers if server["name"].startswith(name)]
    except ClientException as error:
        raise StepFailed("the region to say what it has", repr(error)) from error
    return found


def _projects(target: Target) -> Iterator[_Project]:
    for region in target.secret["openstack"]["regions"].values():
        for project in region["projects"]:
            session = Session(auth=_auth(region["auth_url"], project), timeout=_TIMEOUT_SECONDS)
            yield _Project(region["region_name"], session)


def _auth(auth_url: str, project: Mapping[str, Any]) -> V3ApplicationCredential | V3Password:
    if "application_credential_id" in project:
        return V3ApplicationCredential(
            auth_url=auth_url,
            application_credential_id=project["application_credential_id"],
            application_credential_secret=project["application_credential_secret"],
        )
    return V3Password(
        auth_url=auth_url,
        username=project["username"],
        password=project["password"],
        user_domain_name=project.get("user_domain", "Default"),
        project_name=project["name"],
        project_domain_name=project.get("project_domain", "Default"),
    )
