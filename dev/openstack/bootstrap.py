"""Fill the local OpenStack: identities and catalogue, then flavors, image, networks, keys, clouds.yaml.

Each step may be run again: it creates what is missing and corrects the endpoints' addresses. Ports and passwords
come from the environment (`cloud.env`, written by `configure.py`).
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openstack

DOMAIN = "default"
CUSTOMER_PROJECTS = ("demo", "demo2")
CUSTOMER_ROLES = ("member", "heat_stack_owner")
APPLICATION_CREDENTIAL = "hearth"
APPLICATION_CREDENTIAL_SECRET = "hearth-application-credential-secret"  # not secret: loopback only
# The private key was thrown away: there is no real machine to log in to.
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEVqrCcZUTbzZD36oie+tjNueBI2gHRnE0ng4BtTP9xa demo"
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Flavor:
    """A size of machine; `specs` are Nova's extra specs."""

    name: str
    vcpus: int
    ram_mib: int
    disk_gib: int
    specs: dict[str, str] = field(default_factory=dict)


FLAVORS = (
    Flavor("cpu-small", 1, 1024, 10),
    Flavor("gpu-h100", 8, 65536, 100, {"resources:CUSTOM_GPU_H100": "1", "gpu:model": "h100"}),
    Flavor("too-big", 100_000, 1024, 10),
)


def url(port_name: str, path: str = "") -> str:
    """Return the address of the service whose port is in environment variable `port_name`."""
    return f"http://127.0.0.1:{os.environ[port_name]}{path}"


def password_auth(user: str, password: str, project: str) -> dict[str, str]:
    """Return the `auth` part of a cloud entry for a password."""
    return {
        "auth_url": url("KEYSTONE_PORT", "/v3"),
        "username": user,
        "password": password,
        "project_name": project,
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }


def admin_auth() -> dict[str, str]:
    """Return the administrator's `auth`."""
    return password_auth("admin", os.environ["ADMIN_PASSWORD"], "admin")


def demo_auth(project: str) -> dict[str, str]:
    """Return the `auth` of the user demo in one of the customer projects."""
    return password_auth("demo", os.environ["DEMO_PASSWORD"], project)


def connect(auth: dict[str, str]) -> Any:
    """Return a connection that ignores the developer's own environment and clouds.yaml."""
    return openstack.connect(
        auth=auth, region_name=os.environ["REGION"], load_yaml_config=False, load_envvars=False
    )


def ensure_role(identity: Any, name: str) -> Any:
    """Return the role of that name; create it if it is missing."""
    return identity.find_role(name) or identity.create_role(name=name)


def ensure_project(identity: Any, name: str) -> Any:
    """Return the project of that name; create it if it is missing."""
    found = identity.find_project(name, domain_id=DOMAIN)
    return found or identity.create_project(name=name, domain_id=DOMAIN)


def ensure_user(identity: Any, name: str, password: str, domain_id: str = DOMAIN) -> Any:
    """Return the user of that name; create it if it is missing."""
    found = identity.find_user(name, domain_id=domain_id)
    return found or identity.create_user(name=name, password=password, domain_id=domain_id)


def ensure_catalogue(identity: Any) -> None:
    """Register every service at its present address."""
    endpoints = {(each.service_id, each.interface): each for each in identity.endpoints()}
    services = {each.type: each for each in identity.services()}
    for name, kind, address in (
        ("glance", "image", url("GLANCE_PORT")),
        ("placement", "placement", url("PLACEMENT_PORT")),
        ("nova", "compute", url("NOVA_PORT", "/v2.1")),
        ("neutron", "network", url("NEUTRON_PORT")),
        ("heat", "orchestration", url("HEAT_PORT", "/v1/%(project_id)s")),
        ("heat-cfn", "cloudformation", url("HEAT_CFN_PORT", "/v1")),
        ("cinder", "block-storage", url("CINDER_PORT", "/v3")),
        ("cinderv3", "volumev3", url("CINDER_PORT", "/v3/%(project_id)s")),
    ):
        service = services.get(kind) or identity.create_service(name=name, type=kind)
        for interface in ("public", "internal", "admin"):
            endpoint = endpoints.get((service.id, interface))
            if endpoint is None:
                identity.create_endpoint(
                    service_id=service.id, interface=interface, url=address, region_id=os.environ["REGION"]
                )
            elif endpoint.url != address:
                identity.update_endpoint(endpoint, url=address)


def fill_identity() -> None:
    """Create the services' user, Heat's domain, the customer projects with their user, and the catalogue."""
    identity = connect(admin_auth()).identity
    service_password = os.environ["SERVICE_PASSWORD"]
    service_project = ensure_project(identity, "service")
    service_user = ensure_user(identity, "svc", service_password)
    for role in ("admin", "service"):
        identity.assign_project_role_to_user(service_project, service_user, ensure_role(identity, role))
    demo = ensure_user(identity, "demo", os.environ["DEMO_PASSWORD"])
    admin = identity.find_user("admin", domain_id=DOMAIN)
    for name in CUSTOMER_PROJECTS:
        project = ensure_project(identity, name)
        for role in CUSTOMER_ROLES:
            identity.assign_project_role_to_user(project, demo, ensure_role(identity, role))
        identity.assign_project_role_to_user(project, admin, ensure_role(identity, "admin"))
    ensure_role(identity, "heat_stack_user")
    heat_domain = identity.find_domain("heat") or identity.create_domain(name="heat")
    heat_admin = ensure_user(identity, "heat_domain_admin", service_password, heat_domain.id)
    identity.assign_domain_role_to_user(heat_domain, heat_admin, ensure_role(identity, "admin"))
    ensure_catalogue(identity)


def missing_agents(cloud: Any) -> set[str]:
    """Return the background services that have not reported themselves up."""
    up = {each.binary for each in cloud.compute.services() if each.state == "up"}
    up |= {each.binary for each in cloud.block_storage.services() if each.state == "up"}
    engines = cloud.orchestration.get("/services").json().get("services", [])
    up |= {"heat-engine" for each in engines if each["status"] == "up"}
    needed = {"nova-conductor", "nova-scheduler", "nova-compute"}
    return (needed | {"cinder-volume", "cinder-scheduler", "heat-engine"}) - up


def read_everything_once(cloud: Any) -> None:
    """Read each API once, networks first.

    Neutron answers 500 to a first `GET /ports` that comes before SQLAlchemy has set up its mappers. This call
    takes that error, so that later callers do not get it.
    """
    lists: Iterable[Callable[[], Iterable[Any]]] = (
        cloud.network.networks,
        cloud.network.ports,
        cloud.network.routers,
        cloud.network.ips,
        cloud.network.security_groups,
        cloud.image.images,
        cloud.compute.flavors,
        cloud.compute.servers,
        cloud.block_storage.volumes,
        cloud.orchestration.stacks,
    )
    for read in lists:
        list(read())


def await_ready(timeout_seconds: float) -> None:
    """Wait until every service reports itself up and every API can be read.

    Raises SystemExit, which names what is missing, if that takes longer than `timeout_seconds`.
    """
    deadline = time.monotonic() + timeout_seconds
    cloud = connect(admin_auth())
    while True:
        try:
            problem = ", ".join(sorted(missing_agents(cloud)))
            if not problem:
                read_everything_once(cloud)
                return
        except openstack.exceptions.SDKException as error:
            problem = str(error)
        if time.monotonic() > deadline:
            raise SystemExit(f"not up after {timeout_seconds:.0f} s: {problem}")
        time.sleep(POLL_SECONDS)


def ensure_flavors(compute: Any) -> None:
    """Create the flavors."""
    for flavor in FLAVORS:
        if compute.find_flavor(flavor.name):
            continue
        made = compute.create_flavor(
            name=flavor.name, vcpus=flavor.vcpus, ram=flavor.ram_mib, disk=flavor.disk_gib
        )
        if flavor.specs:
            compute.create_flavor_extra_specs(made, flavor.specs)


def ensure_public_network(network: Any) -> Any:
    """Return the external network; create it with its subnet of about 3,800 floating IPs if it is missing."""
    public = network.find_network("public") or network.create_network(
        name="public",
        is_router_external=True,
        is_shared=False,
        provider_network_type="flat",
        provider_physical_network="physnet1",
    )
    if not network.find_subnet("public-v4"):
        network.create_subnet(
            name="public-v4",
            network_id=public.id,
            ip_version=4,
            cidr="172.24.0.0/20",
            gateway_ip="172.24.0.1",
            is_dhcp_enabled=False,
            allocation_pools=[{"start": "172.24.1.1", "end": "172.24.15.250"}],
        )
    return public


def ensure_tenant(cloud: Any, public: Any) -> None:
    """Create the key of a customer project, and its network with a route to the public one."""
    network = cloud.network
    tenant = network.find_network("tenant") or network.create_network(name="tenant")
    subnet = network.find_subnet("tenant-v4") or network.create_subnet(
        name="tenant-v4", network_id=tenant.id, ip_version=4, cidr="10.10.0.0/16"
    )
    router = network.find_router("tenant-router") or network.create_router(
        name="tenant-router", external_gateway_info={"network_id": public.id}
    )
    if not list(network.ports(device_id=router.id, network_id=tenant.id)):
        network.add_interface_to_router(router, subnet_id=subnet.id)
    if not cloud.compute.find_keypair("demo-key"):
        cloud.compute.create_keypair(name="demo-key", public_key=PUBLIC_KEY)


def fill_resources() -> None:
    """Create what a stack needs: flavors, image, volume type, networks, keys; and remove Nova's quotas."""
    admin = connect(admin_auth())
    ensure_flavors(admin.compute)
    if not admin.image.find_image("tiny"):
        admin.image.create_image(
            name="tiny",
            container_format="bare",
            disk_format="raw",
            data=b"\0" * 512,
            visibility="public",
            wait=True,
        )
    if not admin.block_storage.find_type("fake"):
        admin.block_storage.create_type(name="fake", extra_specs={"volume_backend_name": "fake"})
    public = ensure_public_network(admin.network)
    for name in CUSTOMER_PROJECTS:
        project = admin.identity.find_project(name, domain_id=DOMAIN)
        admin.compute.update_quota_set(project, cores=-1, instances=-1, ram=-1, key_pairs=-1)
        ensure_tenant(connect(demo_auth(name)), public)


def application_credential_auth(project: str) -> dict[str, str]:
    """Return the `auth` of the project's application credential; create it if it is missing."""
    cloud = connect(demo_auth(project))
    name = f"{APPLICATION_CREDENTIAL}-{project}"
    user_id = cloud.current_user_id
    found = cloud.identity.find_application_credential(user_id, name)
    credential = found or cloud.identity.create_application_credential(
        user_id,
        name,
        secret=APPLICATION_CREDENTIAL_SECRET,
        roles=[{"name": role} for role in CUSTOMER_ROLES],
    )
    return {
        "auth_url": url("KEYSTONE_PORT", "/v3"),
        "application_credential_id": credential.id,
        "application_credential_secret": APPLICATION_CREDENTIAL_SECRET,
    }


def write_clouds(path: Path) -> None:
    """Write clouds.yaml: for each project, an entry with a password and one with an application credential."""
    region = {"region_name": os.environ["REGION"]}
    clouds: dict[str, dict[str, Any]] = {"admin": region | {"auth": admin_auth()}}
    for project in CUSTOMER_PROJECTS:
        clouds[project] = region | {"auth": demo_auth(project)}
        clouds[f"{project}-appcred"] = region | {
            "auth_type": "v3applicationcredential",
            "auth": application_credential_auth(project),
        }
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps({"clouds": clouds}, indent=2) + "\n")  # JSON is YAML
    draft.replace(path)


def main() -> None:
    """Run one step, named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("identity", help=fill_identity.__doc__)
    steps.add_parser("resources", help=fill_resources.__doc__)
    ready = steps.add_parser("ready", help=await_ready.__doc__)
    ready.add_argument("--timeout-seconds", type=float, required=True)
    clouds = steps.add_parser("clouds", help=write_clouds.__doc__)
    clouds.add_argument("path", type=Path)
    arguments = parser.parse_args()
    match arguments.step:
        case "identity":
            fill_identity()
        case "resources":
            fill_resources()
        case "ready":
            await_ready(arguments.timeout_seconds)
        case "clouds":
            write_clouds(arguments.path)


if __name__ == "__main__":
    main()
