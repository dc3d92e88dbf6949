"""A region at one instant as one user sees it, and the bookkeeping that services share."""

import ipaddress
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from dev.simulators.openstack.config import Config, Flavor, Inventory, Network, stable_uuid
from dev.simulators.openstack.state import FloatingIp, Port, Region, SecurityGroup, Server

COMPUTE_TRAITS = ("COMPUTE_NODE", "COMPUTE_VOLUME_EXTEND", "COMPUTE_NET_ATTACH_INTERFACE", "OWNER_NOVA")


def new_uuid() -> str:
    """A random UUID."""
    return str(uuid.uuid4())


def request_id() -> str:
    """A request id in the format that all services use."""
    return f"req-{new_uuid()}"


@dataclass(frozen=True)
class Provider:
    """A host, as Placement sees it."""

    uuid: str
    name: str
    inventory: dict[str, Inventory]
    traits: frozenset[str]


@dataclass(frozen=True)
class Site:
    """One region at one instant, as one user in one project sees it."""

    config: Config
    region: Region
    region_url: str
    project_id: str
    user_id: str
    now: datetime
    seconds: float

    def limit(self, name: str) -> int:
        """The project's quota in this region; -1 for no limit."""
        changed = self.region.quotas.get(self.project_id, {})
        return int(changed.get(name, getattr(self.config.quota, name)))

    def exceeds(self, name: str, used: int, wanted: int = 1) -> bool:
        """Whether `wanted` more would exceed the project's quota."""
        return 0 <= self.limit(name) < used + wanted

    @property
    def servers(self) -> list[Server]:
        """The project's servers."""
        return [server for server in self.region.servers.values() if server.project_id == self.project_id]

    @property
    def ports(self) -> list[Port]:
        """The project's ports."""
        return [port for port in self.region.ports.values() if port.project_id == self.project_id]

    @property
    def floating_ips(self) -> list[FloatingIp]:
        """The project's floating IPs."""
        return [item for item in self.region.floating_ips.values() if item.project_id == self.project_id]

    def default_security_group(self) -> SecurityGroup:
        """The project's own default group, created on first use."""
        group_id = stable_uuid("default-group", self.region.id, self.project_id)
        if group_id not in self.region.security_groups:
            self.region.security_groups[group_id] = SecurityGroup(
                id=group_id,
                name="default",
                project_id=self.project_id,
                description="Default security group",
                rules=[],
                created_at=self.now,
            )
        return self.region.security_groups[group_id]

    def free_address(self, network: Network) -> str:
        """An unused address of the network."""
        taken = {port.ip_address for port in self.region.ports.values()}
        taken |= {item.address for item in self.region.floating_ips.values()}
        block = ipaddress.ip_network(network.cidr)
        # The first hundred stay free for gateways; a counter spreads reuse, as Neutron's random choice does.
        for _ in range(block.num_addresses):
            address = str(block[100 + self.region.number() % (block.num_addresses - 200)])
            if address not in taken:
                return address
        raise LookupError(f"no more IP addresses on network {network.id}")

    def new_port(
        self,
        network: Network,
        *,
        name: str = "",
        security_groups: list[str] | None = None,
        device_owner: str = "",
        device_id: str = "",
    ) -> Port:
        """Create a port with an address; its status is DOWN."""
        port = Port(
            id=new_uuid(),
            name=name,
            project_id=self.project_id,
            network=network.name,
            mac_address="fa:16:3e:" + ":".join(f"{octet:02x}" for octet in secrets.token_bytes(3)),
            ip_address=self.free_address(network),
            security_groups=[self.default_security_group().id] if security_groups is None else security_groups,
            device_owner=device_owner,
            device_id=device_id,
            created_at=self.now,
            updated_at=self.now,
        )
        self.region.ports[port.id] = port
        return port

    def remove_port(self, port_id: str) -> None:
        """Delete a port and detach its floating IP; nothing if it is gone."""
        if self.region.ports.pop(port_id, None) is None:
            return
        for item in self.region.floating_ips.values():
            if item.port_id == port_id:
                item.port_id = None
                item.updated_at = self.now
        for server in self.region.servers.values():
            server.port_ids = [other for other in server.port_ids if other != port_id]

    @cached_property
    def providers(self) -> list[Provider]:
        """The region's hosts with their current inventory."""
        left = dict(self.region.capacities)
        found = []
        for hosts in self.config.region(self.region.id).hosts:
            for number in range(1, hosts.count + 1):
                name = f"{hosts.name}-{number}.{self.region.id}"
                found.append(
                    Provider(
                        uuid=stable_uuid("host", name),
                        name=name,
                        inventory=_inventory_today(hosts.inventory, left),
                        traits=frozenset((*COMPUTE_TRAITS, *hosts.traits)),
                    )
                )
        return found

    def usage(self, provider: Provider) -> dict[str, int]:
        """The usage of a host's servers, for each class that the host has."""
        used = dict.fromkeys(provider.inventory, 0)
        for server in self.region.servers.values():
            if server.provider == provider.uuid:
                for name, amount in self.config.flavor(server.flavor).resources.items():
                    used[name] = used.get(name, 0) + amount
        return used

    def hosts_for(self, resources: dict[str, int], traits: frozenset[str] = frozenset()) -> list[Provider]:
        """The hosts that have room for this now, those without special traits first."""
        fitting = [provider for provider in self.providers if self._fits(provider, resources, traits)]
        return sorted(fitting, key=lambda provider: len(provider.inventory))

    def host_for(self, flavor: Flavor) -> Provider | None:
        """The host for a server of this flavor; None for "no valid host"."""
        return next(iter(self.hosts_for(flavor.resources, flavor.required_traits)), None)

    def _fits(self, provider: Provider, resources: dict[str, int], traits: frozenset[str]) -> bool:
        if not traits <= provider.traits or not resources.keys() <= provider.inventory.keys():
            return False
        used = self.usage(provider)
        return all(
            used[name] + amount <= provider.inventory[name].capacity
            and amount <= (provider.inventory[name].highest_unit or provider.inventory[name].total)
            for name, amount in resources.items()
        )


def _inventory_today(configured: dict[str, Inventory], left: dict[str, int]) -> dict[str, Inventory]:
    """A host's inventory; totals set by commands are distributed host by host, from `left`."""
    today = {}
    for name, inventory in configured.items():
        share = min(left[name], inventory.total) if name in left else inventory.total
        if name in left:
            left[name] -= share
        if share > 0:
            today[name] = inventory.model_copy(update={"total": share})
    return today
