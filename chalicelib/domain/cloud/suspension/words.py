"""The texts about a suspension: in the timeline of machines, the activity log, and letters."""

from datetime import datetime

from chalicelib.domain.cloud.suspension.models import (
    LONGEST_WAIT,
    Funds,
    SuspensionReason,
    SuspensionStatus,
    Verdict,
    Watch,
)
from chalicelib.domain.foundation.activity.models import SYSTEM, Activity, Outcome
from chalicelib.domain.money.spending.service import PERIOD_NAMES
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.money import format_amount

SWITCHED_OFF_BECAUSE = {
    SuspensionReason.BALANCE: "Your balance is used up",
    SuspensionReason.SPEND_CAP: "Your spend cap is reached",
}
SWITCHED_ON_BECAUSE = {
    SuspensionReason.BALANCE: "Thank you for your payment",
    SuspensionReason.SPEND_CAP: "Your spend cap leaves room again",
}
_OFF = frozenset({SuspensionStatus.SUSPENDED, SuspensionStatus.DELETING})
_ACTIONS = {
    SuspensionStatus.SUSPENDED: "suspend_machines",
    SuspensionStatus.DELETING: "delete_suspended_machines",
    SuspensionStatus.RESUMING: "resume_machines",
    None: "resume_machines",
}


def activity_of(before: Watch, after: Watch, at: datetime) -> Activity | None:
    """Return the activity for this change, with the system as actor; None if it is not worth an entry."""
    is_over = after.status is None and before.status in {SuspensionStatus.RESUMING, SuspensionStatus.DELETED}
    changed = (before.status, before.reason) != (after.status, after.reason)
    if not changed or is_over or after.status not in _ACTIONS:
        return None
    reason = after.reason or before.reason or SuspensionReason.BALANCE
    return Activity(
        id=new_id(Kind.ACTIVITY, at),
        customer_id=after.customer_id,
        at=at,
        actor_user_id=SYSTEM,
        action=_ACTIONS[after.status],
        outcome=Outcome.DONE,
        reason=(SWITCHED_OFF_BECAUSE if after.status in _OFF else SWITCHED_ON_BECAUSE)[reason],
    )


def letter_values(watch: Watch, verdict: Verdict, funds: Funds, at: datetime) -> dict[str, str]:
    """Return the values for letters, besides the name of the recipient."""
    values = _values_of_balance(watch, funds, at)
    limit = verdict.limit
    if limit is not None:
        reached_at = funds.allowance.reaches(limit, at)
        values |= {
            "cap_name": PERIOD_NAMES[limit.period],
            "cap": format_amount(limit.cap_micros),
            "spent": format_amount(limit.spent_micros),
            "ends_at": _day_and_time(limit.ends_at),
            "reached_at": _day_and_time(reached_at) if reached_at and at < reached_at < limit.ends_at else "",
        }
    return values


def _values_of_balance(watch: Watch, funds: Funds, at: datetime) -> dict[str, str]:
    used = funds.burn.unposted_micros(at)
    zero_at, latest = funds.zero_at, epoch_seconds(at + LONGEST_WAIT)
    return {
        "balance": format_amount(funds.spendable_micros - used),
        "burn_per_hour": format_amount(funds.burn.micros_per_hour),
        "empty_at": _day_and_time(from_epoch_seconds(min(zero_at, latest)) if zero_at is not None else at),
        "deletes_at": _day_and_time(watch.deletes_at or at),
    }


def _day_and_time(moment: datetime) -> str:
    """Format it like `4 May 2031, 12:00 UTC`."""
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
