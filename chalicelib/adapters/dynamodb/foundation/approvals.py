"""Approvals."""

import hashlib
from collections.abc import Sequence

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.foundation.places import MembershipRecord
from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import insert, put
from chalicelib.domain.foundation.approvals.models import Approval, ApprovalStatus, Request, Subject
from chalicelib.domain.foundation.approvals.ports import APPROVAL_UNDECIDED, NEW_APPROVAL
from chalicelib.kernel.clock import epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.limits import IDEMPOTENCY_KEY_TTL_SECONDS
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

_APPROVALS = "APPROVALS"


class ApprovalRecord(Record, discriminator="APPROVAL"):
    """`APPROVALS` / `APPROVAL#<id>`: one partition, as there are few."""

    subject = UnicodeAttribute()
    customer_id = UnicodeAttribute()
    amount_micros = IntegerAttribute()
    currency = UnicodeAttribute()
    reason = UnicodeAttribute()
    asked_by = UnicodeAttribute()
    asked_at = UnicodeAttribute()
    decidable_until = UnicodeAttribute()
    about_id = OptionalText()
    status = UnicodeAttribute()
    decided_by = OptionalText()
    decided_at = OptionalText()
    effect_id = OptionalText()


class ApprovalKeyRecord(Record, discriminator="APPROVAL_KEY"):
    """`APPROVALS` / `APPROVAL_KEY#<hash>`: the approval created with an idempotency key."""

    approval_id = UnicodeAttribute()


class DynamoApprovalRecords:
    """`ApprovalRecords` in one partition."""

    def approval(self, approval_id: str) -> Approval | None:
        """Return one approval; see `ApprovalRecords.approval`."""
        try:
            return _approval(ApprovalRecord.get(_APPROVALS, f"APPROVAL#{approval_id}", consistent_read=True))
        except ApprovalRecord.DoesNotExist:
            return None

    def approval_of_key(self, key: str) -> Approval | None:
        """Return the approval of an idempotency key; see `ApprovalRecords.approval_of_key`."""
        try:
            made = ApprovalKeyRecord.get(_APPROVALS, f"APPROVAL_KEY#{_hashed(key)}", consistent_read=True)
        except ApprovalKeyRecord.DoesNotExist:
            return None
        return self.approval(made.approval_id)

    def approvals(self, page: PageRequest) -> Page[Approval]:
        """Return all approvals; see `ApprovalRecords.approvals`."""
        only = ApprovalRecord.sk.startswith("APPROVAL#")
        return query_page(ApprovalRecord, _APPROVALS, page, _approval, sort_key=only, ascending=False)

    def insert_approval(self, approval: Approval, key: str) -> Sequence[Write]:
        """Add an approval; see `ApprovalRecords.insert_approval`."""
        made = ApprovalKeyRecord(
            _APPROVALS,
            f"APPROVAL_KEY#{_hashed(key)}",
            approval_id=approval.id,
            expires_at=epoch_seconds(approval.asked_at) + IDEMPOTENCY_KEY_TTL_SECONDS,
        )
        return [insert(_approval_record(approval), NEW_APPROVAL), insert(made, NEW_APPROVAL)]

    def decide_approval(self, decided: Approval) -> Write:
        """Store a decision; see `ApprovalRecords.decide_approval`."""
        undecided = ApprovalRecord.status == ApprovalStatus.PENDING.value
        return put(_approval_record(decided), undecided, APPROVAL_UNDECIDED)


class DynamoMembershipCheck:
    """`MembershipCheck`, read from the memberships."""

    def belongs(self, user_id: str, customer_id: str) -> bool:
        """Whether the user is a member; see `MembershipCheck.belongs`."""
        try:
            MembershipRecord.get(f"USER#{user_id}", f"MEMBERSHIP#{customer_id}", consistent_read=True)
        except MembershipRecord.DoesNotExist:
            return False
        return True


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _approval(record: ApprovalRecord) -> Approval:
    return Approval(
        id=record.sk.removeprefix("APPROVAL#"),
        request=Request(
            subject=Subject(record.subject),
            customer_id=record.customer_id,
            amount_micros=record.amount_micros,
            currency=record.currency,
            reason=record.reason,
            asked_by=record.asked_by,
            about_id=record.about_id or "",
        ),
        asked_at=parse_isoformat(record.asked_at),
        expires_at=parse_isoformat(record.decidable_until),
        status=ApprovalStatus(record.status),
        decided_by=record.decided_by or "",
        decided_at=parse_isoformat(record.decided_at) if record.decided_at else None,
        effect_id=record.effect_id or "",
    )


def _approval_record(approval: Approval) -> ApprovalRecord:
    request = approval.request
    return ApprovalRecord(
        _APPROVALS,
        f"APPROVAL#{approval.id}",
        subject=request.subject.value,
        customer_id=request.customer_id,
        amount_micros=request.amount_micros,
        currency=request.currency,
        reason=request.reason,
        asked_by=request.asked_by,
        about_id=request.about_id or None,
        asked_at=isoformat(approval.asked_at),
        decidable_until=isoformat(approval.expires_at),
        status=approval.status.value,
        decided_by=approval.decided_by or None,
        decided_at=isoformat(approval.decided_at) if approval.decided_at else None,
        effect_id=approval.effect_id or None,
    )
