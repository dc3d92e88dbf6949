"""Security events of an account, in the activity log of its customer."""

from chalicelib.domain.foundation.activity.models import Activity, Outcome
from chalicelib.domain.foundation.activity.ports import ActivityLog
from chalicelib.domain.people.accounts.models import Origin
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.ids import Kind, new_id


class SecurityLog:
    """Logs events of users who are not signed in yet; the door logs those of all other callers."""

    def __init__(self, activity: ActivityLog, clock: Clock) -> None:
        self._activity = activity
        self._clock = clock

    def note(
        self,
        user_id: str,
        customer_id: str,
        origin: Origin,
        action: str,
        *,
        session_id: str = "",
        refusal: str = "",
    ) -> None:
        """Log one event.

        Args:
            user_id: the account that the event concerns.
            customer_id: the customer whose log receives the event.
            origin: where the request came from.
            action: what happened, such as `login`.
            session_id: the session that it concerns.
            refusal: the error code, if the request was refused.
        """
        now = self._clock.now()
        self._activity.append(
            Activity(
                id=new_id(Kind.ACTIVITY, now),
                customer_id=customer_id,
                at=now,
                actor_user_id=user_id,
                action=action,
                outcome=Outcome.DENIED if refusal else Outcome.DONE,
                code=refusal,
                targets={"sessionId": session_id} if session_id else {},
                ip=origin.ip,
                request_id=origin.request_id,
            )
        )
