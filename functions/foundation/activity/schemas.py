"""Response of the activity log endpoint."""

from datetime import datetime
from typing import Self

from pydantic import Field

from chalicelib.domain.foundation.activity.models import Activity, Outcome
from chalicelib.http import ApiModel


class ActivityView(ApiModel):
    """An action on something of the customer's, done or denied."""

    id: str = Field(examples=["act_01J…"])
    at: datetime
    action: str = Field(
        description="The operation's id in this document; `suspend_machines`, `resume_machines`, "
        "`delete_suspended_machines` and `…_auto_top_up` happen by themselves",
        examples=["create_deployment"],
    )
    outcome: Outcome
    code: str | None = Field(description="The error code of a denial", examples=["INSUFFICIENT_BALANCE"])
    reason: str | None = Field(description="The reason, if one was given")
    targets: dict[str, str] = Field(description="What it changed", examples=[{"deploymentId": "dep_01J…"}])
    by_staff: bool = Field(description="Whether the operator's staff did it; they are not named")
    user_id: str | None = Field(
        description="Who did it; `support` for the operator's staff, `system` if no person did it",
        examples=["usr_01J…"],
    )
    api_key_id: str | None = Field(
        description="The API key that did it; `userId` is the user who is responsible for the key",
        examples=["ak_01J…"],
    )
    ip: str | None = Field(description="The caller's IP address", examples=["203.0.113.7"])
    request_id: str | None = Field(description="The answer's `X-Request-Id`", examples=["req_01J…"])

    @classmethod
    def of(cls, activity: Activity) -> Self:
        """The customer's view of `activity`."""
        activity = activity.for_customer
        return cls(
            id=activity.id,
            at=activity.at,
            action=activity.action,
            outcome=activity.outcome,
            code=activity.code or None,
            reason=activity.reason or None,
            targets=dict(activity.targets),
            by_staff=activity.by_staff,
            user_id=activity.actor_user_id,
            api_key_id=activity.actor_api_key_id or None,
            ip=activity.ip or None,
            request_id=activity.request_id or None,
        )
