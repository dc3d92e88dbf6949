"""What the region itself says of a machine: asked of OpenStack directly, past the product."""

from collections.abc import Iterator, Mapping
from typing import Any

from dev.localcloud.targets import Target


def stacks_of(target: Target, deployment_id: str) -> list[str]:
    """The stacks and servers that carry the deployment's name, in every project that the product may use."""
    name = deployment_id.replace("_", "-").lower()
    found: list[str] = []
    for cloud in _projects(target):
        found += [
            f"stack {stack.name} {stack.status}" for stack in cloud.orchestration.stacks() if stack.name == name
        ]
        found += [f"server {server.name}" for server in cloud.compute.servers() if server.name.startswith(name)]
        cloud.close()
    return found


def _projects(target: Target) -> Iterator[Any]:
    """A connection to each project, one after the other."""
    import openstack

    regions: Mapping[str, Any] = target.secret["openstack"]["regions"]
    for region in regions.values():
        for project in region["projects"]:
            yield openstack.connect(
                load_yaml_config=False,
                load_envvars=False,
                region_name=region["region_name"],
                auth_type="v3applicationcredential" if "application_credential_id" in project else "password",
                auth={"auth_url": region["auth_url"], **_auth(project)},
            )


def _auth(project: Mapping[str, Any]) -> dict[str, Any]:
    credentials = {key: value for key, value in project.items() if key != "name"}
    if "application_credential_id" in project:
        return credentials
    named = {"project_name": project["name"], "user_domain_name": "Default", "project_domain_name": "Default"}
    return credentials | named
