"""Neutron without agents: ports bind at once, and floating IPs get the status that an agent would report."""

from typing import Any

from neutron.services.l3_router import l3_router_plugin
from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api

BINDING_DETAILS = {
    portbindings.CAP_PORT_FILTER: True,
    portbindings.VIF_DETAILS_CONNECTIVITY: portbindings.CONNECTIVITY_L2,
}


class AgentlessMechanismDriver(api.MechanismDriver):
    """Binds each port on its first segment as ACTIVE, as an Open vSwitch agent would have.

    A host whose name contains "nobind" is refused, so that tests can make a binding fail.
    """

    def initialize(self) -> None:
        """Do nothing; the base class requires the method."""

    @property
    def connectivity(self) -> str:
        """Report that ports reach their network at layer 2."""
        return str(portbindings.CONNECTIVITY_L2)

    def bind_port(self, context: Any) -> None:
        """Bind the port in `context`, or leave it unbound for another driver (there is none)."""
        if "nobind" in (context.host or "") or not context.segments_to_bind:
            return
        context.set_binding(
            context.segments_to_bind[0][api.ID],
            portbindings.VIF_TYPE_OVS,
            dict(BINDING_DETAILS),
            status=constants.PORT_STATUS_ACTIVE,
        )


class AgentlessRouterPlugin(l3_router_plugin.L3RouterPlugin):
    """Neutron's router plug-in, which sets the status of floating IPs as an L3 agent would."""

    def _with_status(self, context: Any, floating_ip: dict[str, Any]) -> dict[str, Any]:
        attached = floating_ip.get("port_id")
        status = constants.FLOATINGIP_STATUS_ACTIVE if attached else constants.FLOATINGIP_STATUS_DOWN
        self.update_floatingip_status(context.elevated(), floating_ip["id"], status)
        return {**floating_ip, "status": status}

    def create_floatingip(self, context: Any, floatingip: dict[str, Any]) -> dict[str, Any]:
        """Create the floating IP and set its status at once."""
        return self._with_status(context, super().create_floatingip(context, floatingip))

    def update_floatingip(self, context: Any, id: str, floatingip: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 (Neutron passes it by this name)
        """Attach or detach the floating IP and set its status at once."""
        return self._with_status(context, super().update_floatingip(context, id, floatingip))
