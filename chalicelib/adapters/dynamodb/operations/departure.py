"""Closings, and the erasure of a customer's and a user's remaining data."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, UpdateError
from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamodb.cloud.deployment_items import SlotsRecord
from chalicelib.adapters.dynamodb.foundation.activity import ActivityRecord
from chalicelib.adapters.dynamodb.foundation.places import CustomerRecord, MembershipRecord, is_active
from chalicelib.adapters.dynamodb.money.auto_top_up import AutoTopUpRecord
from chalicelib.adapters.dynamodb.people.accounts import EmailRecord, UserRecord
from chalicelib.adapters.dynamodb.people.email_changes import EmailChangeRecord
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import check, delete, insert, update
from chalicelib.domain.foundation.access.models import CustomerStatus
from chalicelib.domain.operations.departure.models import Closing
from chalicelib.domain.operations.departure.ports import (
    ADDRESS_UNCHANGED,
    CUSTOMER_OPEN,
    NO_MACHINES,
    NOTHING_IN_FLIGHT,
)
from chalicelib.domain.people.accounts.models import User
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.kernel.transactions import Write

_QUEUE = "CLOSINGS"
_FORMER_NAME = "Closed account"
_CONDITION_FAILED = "ConditionalCheckFailedException"

KEPT_KINDS = frozenset(
    {
        "ACCOUNT",
        "BILLING_STATE",
        "CLOSING",
        "CREDITED",
        "CUSTOMER",
        "DEPLOYMENT",
        "DIRECTORY_ENTRY",
        "DOCUMENT",
        "HOLD",
        "KEY_SPENDING",
        "REFERRAL",
        "REFUND",
        "REWARD",
        "SENT",
        "SLOTS",
        "TOP_UP",
        "TRANSFER",
    }
)
"""The kinds of items in a customer's partition that are kept: money, its proofs, and the closed customer itself.

The directory follows the customer's item and its members, and so deletes their names.
"""

_PERSONAL_TARGETS = frozenset({"company", "email", "name"})
"""The personal data in the targets of an activity; all other targets are ids."""


class ClosingRecord(Record, discriminator="CLOSING"):
    """`CUSTOMER#<customer>` / `CLOSING`: it was closed; in `gsi2` under `CLOSINGS` until its erasure is
    finished.
    """

    user_id = UnicodeAttribute()
    erases_user = BooleanAttribute()
    closed_at = UnicodeAttribute()
    forfeited_micros = IntegerAttribute()
    reason = OptionalText()
    erased_at = OptionalText()


class DynamoClosings:
    """`ClosingRecords`, one item per customer."""

    def get(self, customer_id: str) -> Closing | None:
        """The customer's closing; see `ClosingRecords.get`."""
        try:
            return _closing(ClosingRecord.get(f"CUSTOMER#{customer_id}", "CLOSING", consistent_read=True))
        except ClosingRecord.DoesNotExist:
            return None

    def close(self, closing: Closing) -> Sequence[Write]:
        """Close the customer; see `ClosingRecords.close`."""
        partition = f"CUSTOMER#{closing.customer_id}"
        record = ClosingRecord(
            partition,
            "CLOSING",
            gsi2pk=_QUEUE,
            gsi2sk=f"{isoformat(closing.closed_at)}#{closing.customer_id}",
            user_id=closing.user_id,
            erases_user=closing.erases_user,
            closed_at=isoformat(closing.closed_at),
            forfeited_micros=closing.forfeited_micros,
            reason=closing.reason or None,
        )
        nothing_in_flight = AutoTopUpRecord.in_flight.does_not_exist() | (AutoTopUpRecord.in_flight == "")
        return [
            insert(record, CUSTOMER_OPEN),
            update(
                CustomerRecord(partition, "CUSTOMER"),
                [CustomerRecord.status.set(CustomerStatus.CLOSED.value)],
                CustomerRecord.pk.exists() & is_active(),
                CUSTOMER_OPEN,
            ),
            check(
                SlotsRecord(partition, "SLOTS"),
                SlotsRecord.taken.does_not_exist() | (SlotsRecord.taken <= 0),
                NO_MACHINES,
            ),
            delete(AutoTopUpRecord(partition, "AUTO_TOP_UP"), nothing_in_flight, NOTHING_IN_FLIGHT),
        ]

    def free_address(self, user: User) -> Write:
        """Release the address; see `ClosingRecords.free_address`."""
        address = EmailRecord(f"EMAIL#{user.email}", "EMAIL")
        return delete(address, EmailRecord.user_id == user.id, ADDRESS_UNCHANGED)

    def to_erase(self) -> Iterator[Closing]:
        """Yield closings whose erasure is not finished; see `ClosingRecords.to_erase`."""
        return map(_closing, ClosingRecord.query(_QUEUE, index_name="gsi2"))

    def erased(self, closing: Closing, at: datetime) -> Write:
        """Record that the erasure is finished; see `ClosingRecords.erased`."""
        return update(
            ClosingRecord(f"CUSTOMER#{closing.customer_id}", "CLOSING"),
            [
                ClosingRecord.erased_at.set(isoformat(at)),
                ClosingRecord.gsi2pk.remove(),
                ClosingRecord.gsi2sk.remove(),
            ],
        )


class DynamoRemainingData:
    """`RemainingData`; reads raw items, so that it also finds kinds of items that this module does not know."""

    def erase_customer(self, customer_id: str) -> int:
        """Delete the customer's own data; see `RemainingData.erase_customer`."""
        partition = f"CUSTOMER#{customer_id}"
        CustomerRecord(partition, "CUSTOMER").update(
            [CustomerRecord.name.set(_FORMER_NAME), CustomerRecord.company.remove()], CustomerRecord.pk.exists()
        )
        return _remove(partition, kept=KEPT_KINDS)

    def erase_traces(self, customer_id: str) -> int:
        """Delete IP addresses and names from the activity log; see `RemainingData.erase_traces`."""
        count = 0
        for entry in ActivityRecord.query(f"ACTIVITY#{customer_id}", consistent_read=True):
            kept = {name: value for name, value in entry.targets.items() if name not in _PERSONAL_TARGETS}
            if entry.ip is not None or kept != entry.targets:
                actions = [ActivityRecord.ip.remove(), ActivityRecord.targets.set(kept)]
                _change_if_present(
                    lambda entry=entry, actions=actions: entry.update(actions, ActivityRecord.pk.exists())
                )
                count += 1
        return count

    def erase_members(self, customer_id: str) -> int:
        """Delete the memberships; see `RemainingData.erase_members`."""
        found = list(MembershipRecord.query(f"MEMBERS#{customer_id}", index_name="gsi1"))
        for membership in found:
            membership.delete()
        return len(found)

    def erase_user(self, user_id: str) -> int:
        """Delete a user; see `RemainingData.erase_user`. The user's item goes last, as it contains the address."""
        partition = f"USER#{user_id}"
        try:
            addresses = {UserRecord.get(partition, "USER", consistent_read=True).email}
        except UserRecord.DoesNotExist:
            addresses = set()
        changes = EmailChangeRecord.query(
            partition, EmailChangeRecord.sk.startswith("EMAIL_CHANGE#"), consistent_read=True
        )
        addresses |= {change.before for change in changes}
        theirs = (EmailRecord.user_id == user_id) | (EmailRecord.kept_for == user_id)
        for address in addresses:
            _release_address(EmailRecord(f"EMAIL#{address}", "EMAIL"), theirs)
        return _remove(partition, kept={"USER"}) + _remove(partition, kept=())


def _remove(partition: str, kept: Collection[str]) -> int:
    """Delete the items of `partition`, except the kinds in `kept`; return their number."""
    table, through = Record.Meta.table_name, Record.shared_connection()
    start: dict[str, Any] | None = None
    count = 0
    while True:
        found = through.query(table, partition, consistent_read=True, exclusive_start_key=start)
        for item in found["Items"]:
            if item["kind"]["S"] not in kept:
                through.delete_item(table, item["pk"]["S"], item["sk"]["S"])
                count += 1
        start = found.get("LastEvaluatedKey")
        if start is None:
            return count


def _release_address(address: EmailRecord, condition: Condition) -> None:
    """Release an address, unless another user has it now."""
    try:
        address.delete(condition)
    except DeleteError as error:
        if error.cause_response_code != _CONDITION_FAILED:
            raise


def _change_if_present(change: Any) -> None:
    """Change an entry, unless DynamoDB has deleted it after its expiry."""
    try:
        change()
    except UpdateError as error:
        if error.cause_response_code != _CONDITION_FAILED:
            raise


def _closing(record: ClosingRecord) -> Closing:
    return Closing(
        customer_id=record.pk.removeprefix("CUSTOMER#"),
        user_id=record.user_id,
        erases_user=record.erases_user,
        closed_at=parse_isoformat(record.closed_at),
        forfeited_micros=record.forfeited_micros,
        reason=record.reason or "",
        erased_at=parse_isoformat(record.erased_at) if record.erased_at else None,
    )
