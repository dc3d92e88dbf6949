"""OpenStack as a compute provider: the port of `chalicelib.domain.cloud.providers.ports`, with Heat."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Any, Final

from chalicelib.adapters.providers.openstack import blockers, capacity, power, stacks
from chalicelib.adapters.providers.openstack.config import OpenStackConfig
from chalicelib.adapters.providers.openstack.connections import Connections, ProjectConnection, reading
from chalicelib.adapters.providers.openstack.templates import Value, template
from chalicelib.adapters.providers.openstack.user_data import with_ssh_key
from chalicelib.domain.cloud.providers.errors import (
    ProviderDenied,
    ProviderError,
    ProviderUnreachable,
    QuotaExceeded,
    SpecRejected,
)
from chalicelib.domain.cloud.providers.models import (
    Blocker,
    Machine,
    MachineEvent,
    MachineOutputs,
    MachineRef,
    MachineSpec,
    MachineState,
    OwnedMachine,
    Power,
)
from chalicelib.kernel.clock import Clock

_log: Final = logging.getLogger(__name__)

_HEARTH: Final = "hearth"
_TAG_LIMIT: Final = 80
"""The maximum length of a Heat tag, which cannot contain a comma."""

_NO_TRUSTS: Final = (
    "project {project!r}: Heat failed to create a stack with an application credential, which is what it does "
    "when Keystone gives that credential no trust. Set [security_compliance] "
    "allow_insecure_application_credential_trust_escalation = true in Keystone, or give the provider's "
    "configuration a username and a password for this project"
)


class OpenStackProvider:
    """Machines as Heat stacks, spread over the projects of each region.

    Also implements `SupportsUnblocking`, `SupportsPowerActions` and `SupportsCapacity`. Keep one instance for the
    life of the process: it holds the sessions.
    """

    def __init__(self, config: OpenStackConfig, clock: Clock) -> None:
        self._config = config
        self._connections = Connections(config.call_timeout_seconds, clock)

    def place(self, region: str) -> str:
        """Return the project with the fewest stacks; projects that do not answer are skipped.

        Raises:
            QuotaExceeded: all of them are full.
            ProviderError: no project that answers has room; this is the error of the first one that failed.
        """
        configured = self._config.region(region)
        counts: dict[str, int] = {}
        silent: list[ProviderError] = []
        for project in configured.projects:
            try:
                counts[project.name] = stacks.count_stacks(self._cloud(region, project.name))
            except ProviderError as error:
                _log.warning("project %s of region %s cannot be counted: %s", project.name, region, error)
                silent.append(error)
        with_room = {name: count for name, count in counts.items() if count < configured.stacks_per_project}
        if with_room:
            return min(with_room, key=lambda name: with_room[name])
        if silent:
            raise silent[0]
        raise QuotaExceeded(f"every project of region {region!r} holds {configured.stacks_per_project} stacks")

    def create(self, ref: MachineRef, spec: MachineSpec) -> MachineRef:
        """Start the stack called `ref.name`, or find it; see the port for behaviour and errors.

        Raises:
            ProviderError: another owner's stack has the name. It is never adopted.
        """
        chosen = template(spec.template)
        parameters = self._parameters(ref.region, spec, chosen.parameters)
        chosen.check(parameters)
        tags = self._tags(spec)
        cloud = self._cloud(ref.region, ref.placement)
        timeout_minutes = self._config.region(ref.region).create_timeout_minutes
        cloud.renew_token_within(timeout_minutes * 60)
        try:
            stack_id = stacks.create_stack(
                cloud,
                name=ref.name,
                template=chosen.text,
                parameters=parameters,
                tags=tags,
                timeout_minutes=timeout_minutes,
            )
        except ProviderUnreachable as error:
            return self._found_after(error, cloud, ref)
        if stack_id is None:
            return self._found_in_place(cloud, ref)
        return MachineRef(ref.region, ref.placement, ref.name, stack_id)

    def get(self, ref: MachineRef) -> Machine:
        """Return the stack's state; GONE also if only another owner's stack has the name."""
        stack = self._look(self._cloud(ref.region, ref.placement), ref)
        return Machine(ref, MachineState.GONE) if stack is None else stack.as_machine(ref)

    def events(self, ref: MachineRef, after: str | None) -> Sequence[MachineEvent]:
        """Return the events of the stack and its resources; a deleted stack still has them, by id."""
        cloud = self._cloud(ref.region, ref.placement)
        stack_id = self._id(cloud, ref)
        return () if stack_id is None else stacks.stack_events(cloud, ref.name, stack_id, after)

    def outputs(self, ref: MachineRef) -> MachineOutputs:
        """Return the stack's outputs, which are valid only at COMPLETE: before, Heat gives null or wrong
        values.
        """
        cloud = self._cloud(ref.region, ref.placement)
        stack_id = self._id(cloud, ref)
        stack = None if stack_id is None else stacks.stack_by_id(cloud, ref.name, stack_id, outputs=True)
        if stack is None or stack.state is not MachineState.READY or not stack.outputs:
            raise ProviderError(f"stack {ref.name} has no outputs: it is {stack.status if stack else 'not there'}")
        with reading(f"outputs of stack {ref.name}"):
            return _outputs(stack.outputs)

    def delete(self, ref: MachineRef) -> None:
        """Start deleting the stack; does nothing if it does not exist, or belongs to another owner."""
        cloud = self._cloud(ref.region, ref.placement)
        stack_id = self._id(cloud, ref)
        if stack_id is None:
            return
        cloud.renew_token_within(self._config.region(ref.region).create_timeout_minutes * 60)
        stacks.delete_stack(cloud, ref.name, stack_id)

    def list_owned(self, region: str) -> Iterator[OwnedMachine]:
        """Yield every stack of this installation, over all projects of `region`; raises if one project fails.

        Heat lists a stack for a moment after its deletion is complete; such a stack is skipped.
        """
        for project in self._config.region(region).projects:
            for stack in stacks.tagged_stacks(self._cloud(region, project.name), self._installation_tag):
                if self._is_ours(stack) and stack.state is not MachineState.GONE:
                    yield OwnedMachine(
                        ref=MachineRef(region, project.name, stack.name, stack.id),
                        state=stack.state,
                        deployment_id=_tagged(stack, "deployment"),
                        customer_id=_tagged(stack, "customer"),
                        created_at=stack.created_at,
                    )

    def blockers(self, ref: MachineRef) -> Sequence[Blocker]:
        """Return the remaining parts of a stack whose deletion failed."""
        cloud = self._cloud(ref.region, ref.placement)
        stack_id = self._id(cloud, ref)
        return () if stack_id is None else blockers.blockers(cloud, ref.name, stack_id)

    def remove_blockers(self, ref: MachineRef) -> Sequence[Blocker]:
        """Remove blocking ports and volumes; return those that remain. Request the deletion again afterwards."""
        cloud = self._cloud(ref.region, ref.placement)
        stack_id = self._id(cloud, ref)
        return () if stack_id is None else blockers.remove_blockers(cloud, ref.name, stack_id)

    def power(self, ref: MachineRef) -> Power:
        """Whether the stack's server runs."""
        cloud = self._cloud(ref.region, ref.placement)
        server = self._server(cloud, ref)
        return Power.GONE if server is None else power.power_of(cloud, server)

    def stop(self, ref: MachineRef) -> None:
        """Start switching the stack's server off."""
        self._switch(ref, "os-stop")

    def start(self, ref: MachineRef) -> None:
        """Start switching the stack's server on."""
        self._switch(ref, "os-start")

    def free_units(self, region: str) -> Mapping[str, int]:
        """Return the free units of each custom resource class, from Placement."""
        configured = self._config.region(region)
        reader = configured.capacity or configured.projects[0]
        return capacity.free_units(self._connections.to(region, configured, reader))

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._connections.close()

    @property
    def _installation_tag(self) -> str:
        return f"{_HEARTH}-installation-{self._config.installation}"

    def _cloud(self, region: str, placement: str) -> ProjectConnection:
        configured = self._config.region(region)
        return self._connections.to(region, configured, configured.project(placement))

    def _is_ours(self, stack: stacks.Stack) -> bool:
        return {_HEARTH, self._installation_tag} <= stack.tags

    def _id(self, cloud: ProjectConnection, ref: MachineRef) -> str | None:
        if ref.id is not None:
            return ref.id
        stack = self._look(cloud, ref)
        return None if stack is None else stack.id

    def _server(self, cloud: ProjectConnection, ref: MachineRef) -> str | None:
        stack_id = self._id(cloud, ref)
        return None if stack_id is None else power.server_id(cloud, ref.name, stack_id)

    def _switch(self, ref: MachineRef, action: str) -> None:
        cloud = self._cloud(ref.region, ref.placement)
        server = self._server(cloud, ref)
        if server is not None:
            power.switch(cloud, server, action)

    def _look(self, cloud: ProjectConnection, ref: MachineRef) -> stacks.Stack | None:
        if ref.id is not None:
            return stacks.stack_by_id(cloud, ref.name, ref.id)
        stack = stacks.stack_by_name(cloud, ref.name)
        return stack if stack is not None and self._is_ours(stack) else None

    def _found_in_place(self, cloud: ProjectConnection, ref: MachineRef) -> MachineRef:
        stack = stacks.stack_by_name(cloud, ref.name)
        if stack is None:  # deleted between the two calls
            raise ProviderUnreachable(f"stack {ref.name} was there, and then was not")
        if not self._is_ours(stack):
            raise ProviderError(
                f"the name {ref.name} is taken in project {ref.placement!r} by stack {stack.id}, "
                f"which does not carry {self._installation_tag}"
            )
        return MachineRef(ref.region, ref.placement, ref.name, stack.id)

    def _found_after(self, error: ProviderUnreachable, cloud: ProjectConnection, ref: MachineRef) -> MachineRef:
        try:
            stack = stacks.stack_by_name(cloud, ref.name)
        except ProviderError as look_error:
            raise error from look_error
        if stack is not None and self._is_ours(stack):
            return MachineRef(ref.region, ref.placement, ref.name, stack.id)
        if stack is None and cloud.project.uses_application_credential and "RemoteError" in str(error):
            raise ProviderDenied(_NO_TRUSTS.format(project=cloud.project.name)) from error
        raise error

    def _parameters(self, region: str, spec: MachineSpec, declared: Mapping[str, Any]) -> dict[str, Value]:
        configured = self._config.region(region)
        parameters: dict[str, Value] = {
            "flavor": spec.flavor,
            "image": spec.image,
            "network": spec.network or configured.network,
            "public_network": spec.public_network or configured.public_network,
            "storage_kind": spec.storage_kind.value,
            "storage_gb": spec.storage_gb,
            "installation": self._config.installation,
            "customer": spec.tags.get("customer", ""),
            "deployment": spec.tags.get("deployment", ""),
        }
        if "ssh_public_key" in declared:  # the template passes the key to Nova
            return parameters | {"user_data": spec.user_data, "ssh_public_key": spec.ssh_public_key.strip()}
        return parameters | {"user_data": with_ssh_key(spec.user_data, spec.ssh_public_key)}

    def _tags(self, spec: MachineSpec) -> Sequence[str]:
        tags = [_HEARTH, self._installation_tag, *(f"{kind}-{value}" for kind, value in spec.tags.items())]
        for tag in tags:
            if "," in tag or len(tag) > _TAG_LIMIT:
                raise SpecRejected(f"tags: {tag!r} holds a comma, or more than {_TAG_LIMIT} characters")
        return tags


def _outputs(values: Mapping[str, Any]) -> MachineOutputs:
    public = values["public_ipv4"]
    return MachineOutputs(
        server_id=str(values["server_id"]),
        private_ipv4=str(IPv4Address(values["private_ipv4"])),
        public_ipv4=str(IPv4Address(public)) if public else None,
    )


def _tagged(stack: stacks.Stack, kind: str) -> str | None:
    start = f"{kind}-"
    return next((tag.removeprefix(start) for tag in sorted(stack.tags) if tag.startswith(start)), None)
