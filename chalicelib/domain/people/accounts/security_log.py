"""What happens to an account's security, in the activity log of its customer."""

from chalicelib.domain.foundation.activity.models import Activity, Outcome
from chalicelib.domain.foundation.activity.ports import ActivityLog
from chalicelib.domain.people.accounts.models import Origin
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.ids import Kind, new_id


class SecurityLog:
    """Notes what happened to somebody who was not, or not yet, signed in; the door notes all else."""

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
        """Keep one event.

        Args:
            user_id: whose account it is.
            customer_id: whose log it goes into.
            origin: where the request came from.
            action: what happened, such as `login`.
            session_id: the session that it concerns.
            refusal: the error code, where it was refused.
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
