"""The entries of the activity log."""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum

from chalicelib.kernel.dataclasses import dataclass

SYSTEM = "system"
"""The actor of actions that no user requested."""
SUPPORT = "support"
"""The actor that customers see instead of a member of the staff."""


class Outcome(StrEnum):
    """How an action ended."""

    DONE = "done"
    DENIED = "denied"


@dataclass(frozen=True)
class Activity:
    """An action of an actor on a customer's things, with its time, source and outcome."""

    id: str
    customer_id: str
    at: datetime
    actor_user_id: str
    action: str
    """The endpoint's name, such as `create_deployment`."""
    outcome: Outcome
    code: str = ""
    """The error code, if the action was denied."""
    targets: Mapping[str, str] = field(default_factory=dict)
    """Ids in the request's path, such as `{"deploymentId": "dep_…"}`."""
    reason: str = ""
    by_staff: bool = False
    ip: str = ""
    request_id: str = ""
    actor_api_key_id: str = ""
    """The API key that acted; `actor_user_id` is then the user on whose rights it depends."""

    @property
    def for_customer(self) -> "Activity":
        """Return the entry as customers see it: without the name and the IP address of a member of the staff."""
        return replace(self, actor_user_id=SUPPORT, ip="") if self.by_staff else self
