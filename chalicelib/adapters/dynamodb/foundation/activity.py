"""The activity log."""

from datetime import timedelta

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute

from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import put
from chalicelib.domain.foundation.activity.models import Activity, Outcome
from chalicelib.kernel.clock import epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

_KEPT = timedelta(days=400)
_STAFF = "STAFF"
_CUSTOMER_TARGET = "customerId"


class ActivityRecord(Record, discriminator="ACTIVITY"):
    """`ACTIVITY#<customer>` / `<activity id>`; ids sort by age.

    Actions of staff are stored a second time under `ACTIVITY#STAFF`, in `gsi1` by actor and in `gsi2` by target.
    """

    at = UnicodeAttribute()
    actor_user_id = UnicodeAttribute()
    actor_api_key_id = OptionalText()
    action = UnicodeAttribute()
    outcome = UnicodeAttribute()
    code = OptionalText()
    targets = JSONAttribute()
    reason = OptionalText()
    by_staff = BooleanAttribute(default=False)
    ip = OptionalText()
    request_id = OptionalText()


class DynamoActivityLog:
    """`ActivityLog`, one partition per customer."""

    def append(self, activity: Activity) -> None:
        """Store `activity`; see `ActivityLog.append`."""
        if activity.customer_id or not activity.by_staff:
            _record(activity).save()
        if activity.by_staff:
            _staffs(activity).save()

    def insert(self, activity: Activity) -> Write:
        """Add `activity` in a transaction; see `ActivityWrites.insert`."""
        return put(_record(activity))

    def insert_staff_activity(self, activity: Activity) -> Write:
        """Add an action of staff in a transaction; see `StaffLogWrites.insert_staff_activity`."""
        return put(_staffs(activity))

    def list(self, customer_id: str, page: PageRequest) -> Page[Activity]:
        """Return a customer's activities; see `ActivityLog.list`."""
        return query_page(
            ActivityRecord,
            f"ACTIVITY#{customer_id}",
            page,
            lambda r: _activity(customer_id, r),
            ascending=False,
        )

    def list_staff_activities(
        self, page: PageRequest, *, actor_user_id: str = "", target: str = ""
    ) -> Page[Activity]:
        """Return actions of staff; see `StaffLog.list_staff_activities`. The index finds a
        target, a filter the actor.
        """
        by_actor = ActivityRecord.actor_user_id == actor_user_id if actor_user_id and target else None
        partition, index = f"ACTIVITY#{_STAFF}", None
        if target:
            partition, index = f"ACTIVITY#{_STAFF}#ON#{target}", "gsi2"
        elif actor_user_id:
            partition, index = f"ACTIVITY#{_STAFF}#BY#{actor_user_id}", "gsi1"
        return query_page(
            ActivityRecord,
            partition,
            page,
            lambda r: _activity(r.targets.get(_CUSTOMER_TARGET, ""), r),
            index_name=index,
            filters=by_actor,
            ascending=False,
        )


def _staffs(activity: Activity) -> ActivityRecord:
    """Return the entry for the staff's log."""
    record = _record(activity)
    record.pk = f"ACTIVITY#{_STAFF}"
    record.gsi1pk, record.gsi1sk = f"ACTIVITY#{_STAFF}#BY#{activity.actor_user_id}", activity.id
    target = next(iter(activity.targets.values()), "")
    if target:
        record.gsi2pk, record.gsi2sk = f"ACTIVITY#{_STAFF}#ON#{target}", activity.id
    return record


def _record(activity: Activity) -> ActivityRecord:
    return ActivityRecord(
        f"ACTIVITY#{activity.customer_id}",
        activity.id,
        at=isoformat(activity.at),
        actor_user_id=activity.actor_user_id,
        actor_api_key_id=activity.actor_api_key_id or None,
        action=activity.action,
        outcome=activity.outcome.value,
        code=activity.code or None,
        targets=dict(activity.targets),
        reason=activity.reason or None,
        by_staff=activity.by_staff,
        ip=activity.ip or None,
        request_id=activity.request_id or None,
        expires_at=epoch_seconds(activity.at + _KEPT),
    )


def _activity(customer_id: str, record: ActivityRecord) -> Activity:
    return Activity(
        id=record.sk,
        customer_id=customer_id,
        at=parse_isoformat(record.at),
        actor_user_id=record.actor_user_id,
        actor_api_key_id=record.actor_api_key_id or "",
        action=record.action,
        outcome=Outcome(record.outcome),
        code=record.code or "",
        targets=record.targets,
        reason=record.reason or "",
        by_staff=record.by_staff,
        ip=record.ip or "",
        request_id=record.request_id or "",
    )
