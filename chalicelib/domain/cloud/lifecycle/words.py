"""Sentences for customers. The provider's own text may contain hosts, request ids and quotas, and is never
shown.
"""

from types import MappingProxyType

from chalicelib.domain.cloud.providers.models import FailureCode, MachineEvent

_FAILURES = MappingProxyType(
    {
        FailureCode.CAPACITY_UNAVAILABLE: (
            "This region has no room for this machine type right now. "
            "Nothing was charged; try another region or type, or try again later."
        ),
        FailureCode.PROVIDER_QUOTA: (
            "This region's quota is used up for the moment. Nothing was charged; try another region or try later."
        ),
        FailureCode.PROVIDER_BUSY: "The region is busy. Nothing was charged; please try again in a few minutes.",
        FailureCode.PROVISIONING_FAILED: (
            "The machine could not be built. Nothing was charged and our staff have been told; "
            "you can try again or contact support."
        ),
    }
)

_RESOURCES = MappingProxyType(
    {
        "server": "Server",
        "port": "Network port",
        "security_group": "Firewall",
        "floating_ip": "Public address",
        "floating_ip_association": "Public address",
        "volume": "Volume",
        "volume_attachment": "Volume",
        "keypair": "Access key",
    }
)

_PHASES = MappingProxyType(
    {"IN_PROGRESS": "under way", "COMPLETE": "done", "FAILED": "failed, being tried again or given up"}
)
_ACTIONS = MappingProxyType(
    {"CREATE": "creating", "DELETE": "deleting", "UPDATE": "changing", "INIT": "preparing"}
)


def failure_sentence(code: str) -> str:
    """Return what a failure with this code means for the customer, and what they can do (G27)."""
    return _FAILURES[FailureCode(code)]


def resource_sentence(event: MachineEvent) -> str:
    """Return one line about the provider's progress, such as `Server: creating, done.`"""
    action, _, phase = event.status.partition("_")
    part = _RESOURCES.get(event.resource, "Machine")
    return f"{part}: {_ACTIONS.get(action, action.lower())}, {_PHASES.get(phase, phase.lower())}."
