"""The activity log's entries."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

SYSTEM = "system"
"""Who acts where nobody asked for it."""
SUPPORT = "support"
"""What customers read in place of the operator's people."""


class Outcome(StrEnum):
    """How an action ended."""

    DONE = "done"
    DENIED = "denied"


@dataclass(frozen=True)
class Activity:
    """Who did what to a customer's things, when, from where, and how it ended."""

    id: str
    customer_id: str
    at: datetime
    actor_user_id: str
    action: str
    """The endpoint's name, such as `create_deployment`."""
    outcome: Outcome
    code: str = ""
    """The error code of a denial."""
    targets: Mapping[str, str] = field(default_factory=dict)
    """Ids in the request's path, such as `{"deploymentId": "dep_…"}`."""
    reason: str = ""
    by_staff: bool = False
    ip: str = ""
    request_id: str = ""
    actor_api_key_id: str = ""
    """The key that did it, where `actor_user_id` answers for one."""

    @property
    def for_customer(self) -> "Activity":
        """As the customer sees it: the operator's people are not named, and where they were is theirs."""
        return replace(self, actor_user_id=SUPPORT, ip="") if self.by_staff else self
