"""A lab with a real OpenStack: the cloud of `clouds.yaml` that `OS_CLOUD` names, used through its API.

With an administrator (`OS_CLOUD_ADMIN`) the lab creates two projects and offers every lever; without, it
uses the project of `OS_CLOUD`, and offers the levers that a member of the project has.
"""

import os
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import openstack
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.adapters.providers.openstack.config import OpenStackConfig
from chalicelib.adapters.providers.openstack.provider import OpenStackProvider
from chalicelib.domain.cloud.providers.models import MachineRef, MachineSpec, StorageKind
from chalicelib.domain.cloud.providers.ports import ComputeProvider
from chalicelib.kernel.clock import SystemClock
from tests.contract import lab

REGION = "contract"
"""Hearth's name for the region."""
_CREDENTIALS = ("username", "password", "application_credential_id", "application_credential_secret")
_ROLES = ("member", "heat_stack_owner")


def levers_of_environment() -> frozenset[str]:
    """The levers that the cloud of the environment offers."""
    member = {lab.REVOCATION, lab.BLOCKING}
    administrator = {lab.PLACEMENTS, lab.QUOTA, lab.CAPACITY}
    return frozenset(member | administrator if "OS_CLOUD_ADMIN" in os.environ else member)


def specs(flavor: str, image: str, gpu_flavor: str, gpu_class: str) -> lab.Specs:
    """The suite's machines. Their SSH key is valid, but nobody has its private key."""
    public_key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    ssh_public_key = public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def spec(template: str, flavor: str, storage_kind: StorageKind = StorageKind.LOCAL) -> MachineSpec:
        return MachineSpec(
            template=template,
            flavor=flavor,
            image=image,
            storage_kind=storage_kind,
            storage_gb=1,
            ssh_public_key=ssh_public_key,
            tags={"customer": "cus_contract", "deployment": "dep_contract"},
        )

    return lab.Specs(
        ordinary=spec("cpu_instance/v1", flavor),
        with_volume=spec("cpu_instance/v1", flavor, StorageKind.NETWORK),
        windows=spec("windows_instance/v1", flavor),
        gpu=spec("gpu_instance/v1", gpu_flavor),
        gpu_class=gpu_class,
        too_big=spec("cpu_instance/v1", "too-big"),
    )


class OpenStackLab:
    """Projects of an OpenStack, and their levers."""

    region = REGION
    poll_seconds = 0.5
    patience_seconds = 240.0

    def __init__(
        self,
        region: Mapping[str, Any],
        projects: Sequence[Mapping[str, Any]],
        machine_specs: lab.Specs,
        admin: Mapping[str, Any] | None,
    ) -> None:
        """Make a lab of `projects`; they and `admin` have the form of the provider's configuration."""
        self.specs = machine_specs
        self._region = region
        self._projects = projects
        self._admin = admin
        self._providers: list[OpenStackProvider] = []

    def placements(self) -> list[str]:
        return [project["name"] for project in self._projects]

    def provider(
        self, installation: str, *, placements: Collection[str] = (), limit: int = 512
    ) -> ComputeProvider:
        chosen = [project for project in self._projects if not placements or project["name"] in placements]
        region = {**self._region, "projects": chosen, "capacity": self._admin, "stacks_per_project": limit}
        config = OpenStackConfig.model_validate({"installation": installation, "regions": {REGION: region}})
        self._providers.append(OpenStackProvider(config, SystemClock()))
        return self._providers[-1]

    def without_quota(self, placement: str) -> Callable[[], None]:
        admin = self._connect(self._admin or {})
        project = admin.identity.find_project(placement, ignore_missing=False)
        before = admin.compute.get_quota_set(project).instances
        admin.compute.update_quota_set(project, instances=0)

        def give_back() -> None:
            admin.compute.update_quota_set(project, instances=before)
            admin.close()

        return give_back

    def revoke_token(self, provider: ComputeProvider, placement: str) -> None:
        assert isinstance(provider, OpenStackProvider)
        session = provider._cloud(REGION, placement)._connection().session
        token = session.get_token()
        keystone = f"{str(self._region['auth_url']).rstrip('/')}/auth/tokens"
        session.delete(keystone, headers={"X-Subject-Token": token})
        heat = session.get_endpoint(service_type="orchestration", region_name=self._region["region_name"])

        def status() -> int:
            given = {"X-Auth-Token": token}
            return int(
                session.get(f"{heat}/stacks", headers=given, authenticated=False, raise_exc=False).status_code
            )

        deadline = time.monotonic() + 330  # Heat may accept a revoked token until its cache expires
        while status() != 401:
            assert time.monotonic() < deadline, "Heat still takes the revoked token"
            time.sleep(self.poll_seconds)

    def block_deletion(self, ref: MachineRef) -> Callable[[], None]:
        cloud = self._connect(next(each for each in self._projects if each["name"] == ref.placement))
        parts = cloud.orchestration.get(f"/stacks/{ref.name}/{ref.id}/resources").json()["resources"]
        group = next(part for part in parts if part["resource_type"] == "OS::Neutron::SecurityGroup")
        network = cloud.network.find_network(self._region["network"], ignore_missing=False)
        port = cloud.network.create_port(
            name=ref.name, network_id=network.id, security_group_ids=[group["physical_resource_id"]]
        )

        def remove() -> None:
            cloud.network.delete_port(port.id)
            cloud.close()

        return remove

    def close(self) -> None:
        for provider in self._providers:
            provider.close()

    def _connect(self, project: Mapping[str, Any]) -> Any:
        by_application = "application_credential_id" in project
        names = {"project_name": project["name"], "user_domain_name": "Default", "project_domain_name": "Default"}
        return openstack.connect(
            load_yaml_config=False,
            load_envvars=False,
            region_name=self._region["region_name"],
            auth_type="v3applicationcredential" if by_application else "v3password",
            auth={
                "auth_url": self._region["auth_url"],
                **{key: project[key] for key in _CREDENTIALS if key in project},
                **({} if by_application else names),
            },
        )


class CloudLab(OpenStackLab):
    """The cloud that the environment names. `close` restores its original state."""

    def __init__(self) -> None:
        self._made = ExitStack()
        cloud = openstack.connect()
        region = {
            "auth_url": cloud.config.config["auth"]["auth_url"],
            "region_name": cloud.config.region_name,
            "network": os.environ.get("HEARTH_CONTRACT_NETWORK", "tenant"),
            "public_network": os.environ.get("HEARTH_CONTRACT_PUBLIC_NETWORK", "public"),
        }
        self._made.callback(cloud.close)
        admin = None
        projects: list[Mapping[str, Any]] = [_as_project(cloud)]
        if "OS_CLOUD_ADMIN" in os.environ:
            administrator = openstack.connect(cloud=os.environ["OS_CLOUD_ADMIN"])
            self._made.callback(administrator.close)
            admin = _as_project(administrator)
        machine_specs = specs(
            os.environ.get("HEARTH_CONTRACT_FLAVOR", "cpu-small"),
            os.environ.get("HEARTH_CONTRACT_IMAGE", "tiny"),
            os.environ.get("HEARTH_CONTRACT_GPU_FLAVOR", "gpu-h100"),
            os.environ.get("HEARTH_CONTRACT_GPU_CLASS", "CUSTOM_GPU_H100"),
        )
        super().__init__(region, projects, machine_specs, admin)
        if admin is not None:
            try:
                self._projects = self._own_projects(administrator)
            except BaseException:
                self._made.close()
                raise

    def close(self) -> None:
        super().close()
        self._made.close()

    def _own_projects(self, admin: Any) -> list[Mapping[str, Any]]:
        run = f"hearth-contract-{secrets.token_hex(4)}"
        password = secrets.token_urlsafe(24)
        user = admin.identity.create_user(name=run, password=password, domain_id="default")
        self._made.callback(admin.identity.delete_user, user)
        projects: list[Mapping[str, Any]] = [
            {"name": f"{run}-{letter}", "username": user.name, "password": password} for letter in ("a", "b")
        ]
        for project in projects:
            self._own_project(admin, user, project)
        return projects

    def _own_project(self, admin: Any, user: Any, project: Mapping[str, Any]) -> None:
        made = admin.identity.create_project(name=project["name"], domain_id="default")
        self._made.callback(admin.identity.delete_project, made)
        for name in _ROLES:
            role = admin.identity.find_role(name, ignore_missing=False)
            admin.identity.assign_project_role_to_user(made, user, role)
        admin.compute.update_quota_set(made, cores=-1, instances=-1, ram=-1)
        cloud = self._connect(project)
        self._made.callback(cloud.close)
        self._made.callback(self._delete_security_groups, admin, made)
        public = cloud.network.find_network(self._region["public_network"], ignore_missing=False)
        network = cloud.network.create_network(name=self._region["network"])
        self._made.callback(cloud.network.delete_network, network)
        subnet = cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.20.0.0/24")
        router = cloud.network.create_router(external_gateway_info={"network_id": public.id})
        self._made.callback(cloud.network.delete_router, router)
        cloud.network.add_interface_to_router(router, subnet=subnet.id)
        self._made.callback(cloud.network.remove_interface_from_router, router, subnet=subnet.id)

    @staticmethod
    def _delete_security_groups(admin: Any, project: Any) -> None:
        """Delete the default group: Neutron creates it with a project's first port, and keeps it without the
        project.
        """
        for group in admin.network.security_groups(project_id=project.id):
            admin.network.delete_security_group(group)


def _as_project(cloud: Any) -> dict[str, Any]:
    auth = cloud.config.config["auth"]
    return {
        "name": auth.get("project_name", "contract"),
        **{key: auth[key] for key in _CREDENTIALS if key in auth},
    }
