"""Invitations in the partition of their place, and rosters beside them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import delete, insert, put
from chalicelib.domain.people.accounts.models import EmailAddress
from chalicelib.domain.people.organisations.models import STAFF, Invitation, InvitationKind, Roster
from chalicelib.domain.people.organisations.ports import INVITATION_OPEN, ROSTER_UNCHANGED
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.ids import Kind
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

_KEPT_BEYOND_ITS_END = timedelta(days=1)
_PREFIXES = {
    InvitationKind.MEMBER: "INVITATION#",
    InvitationKind.STAFF: "INVITATION#",
    InvitationKind.OWNERSHIP: "OWNERSHIP_OFFER#",
}


class InvitationRecord(Record, discriminator="INVITATION"):
    """`CUSTOMER#<customer>` or `STAFF` / `INVITATION#<id>` or `OWNERSHIP_OFFER#<id>`; deleted when it is
    accepted.
    """

    invitation_kind = UnicodeAttribute()
    place_name = UnicodeAttribute()
    role = UnicodeAttribute()
    email = UnicodeAttribute()
    inviter_id = UnicodeAttribute()
    inviter_name = OptionalText()
    created_at = UnicodeAttribute()
    ends_at = IntegerAttribute()
    token_hash = OptionalText()


class RosterRecord(Record, discriminator="ROSTER"):
    """`CUSTOMER#<customer>`, `USER#<user>` or `STAFF` / `ROSTER`: increases with each change of the
    memberships.
    """

    version = IntegerAttribute()
    joined = IntegerAttribute()


class DynamoInvitations:
    """`InvitationRecords` on the single table."""

    def get(self, kind: InvitationKind, place_id: str, invitation_id: str) -> Invitation | None:
        """One invitation; see `InvitationRecords.get`."""
        try:
            record = InvitationRecord.get(
                _partition(place_id), _PREFIXES[kind] + invitation_id, consistent_read=True
            )
        except InvitationRecord.DoesNotExist:
            return None
        return _invitation(place_id, record)

    def list(self, kind: InvitationKind, place_id: str, page: PageRequest, now: datetime) -> Page[Invitation]:
        """The open invitations of a place; see `InvitationRecords.list`."""
        return query_page(
            InvitationRecord,
            _partition(place_id),
            page,
            lambda record: _invitation(place_id, record),
            sort_key=InvitationRecord.sk.startswith(_PREFIXES[kind]),
            filters=InvitationRecord.ends_at > epoch_seconds(now),
            ascending=False,
        )

    def all_open(self, kind: InvitationKind, place_id: str, now: datetime) -> Sequence[Invitation]:
        """All open invitations of a place; see `InvitationRecords.all_open`."""
        found = InvitationRecord.query(
            _partition(place_id),
            InvitationRecord.sk.startswith(_PREFIXES[kind]),
            InvitationRecord.ends_at > epoch_seconds(now),
            consistent_read=True,
        )
        return [_invitation(place_id, record) for record in found]

    def insert(self, invitation: Invitation) -> Write:
        """Add `invitation`."""
        return insert(_record(invitation), "invitation_is_new")

    def replace(self, before: Invitation, after: Invitation) -> Write:
        """Replace an invitation; see `InvitationRecords.replace`."""
        return put(_record(after), _same_token(before), INVITATION_OPEN)

    def remove(self, invitation: Invitation) -> Write:
        """Delete an invitation; see `InvitationRecords.remove`."""
        return delete(_record(invitation), _same_token(invitation), INVITATION_OPEN)


class DynamoRosters:
    """`Rosters`, one item each."""

    def get(self, owner: str) -> Roster:
        """Return one roster; see `Rosters.get`."""
        try:
            record = RosterRecord.get(_partition(owner), "ROSTER", consistent_read=True)
        except RosterRecord.DoesNotExist:
            return Roster(version=0, joined=0)
        return Roster(record.version, record.joined)

    def change(self, owner: str, roster: Roster, *, joined: int = 0) -> Write:
        """Count a change; see `Rosters.change`."""
        after = RosterRecord(
            _partition(owner), "ROSTER", version=roster.version + 1, joined=max(0, roster.joined + joined)
        )
        unchanged = (
            RosterRecord.version == roster.version if roster.version else RosterRecord.version.does_not_exist()
        )
        return put(after, unchanged, ROSTER_UNCHANGED)


def _partition(owner: str) -> str:
    if owner == STAFF:
        return "STAFF"
    return f"USER#{owner}" if owner.startswith(f"{Kind.USER}_") else f"CUSTOMER#{owner}"


def _same_token(invitation: Invitation) -> Condition:
    there: Condition = InvitationRecord.pk.exists()
    same: Condition = (
        InvitationRecord.token_hash == invitation.token_hash
        if invitation.token_hash
        else InvitationRecord.token_hash.does_not_exist()
    )
    both: Condition = there & same
    return both


def _record(invitation: Invitation) -> InvitationRecord:
    return InvitationRecord(
        _partition(invitation.place_id),
        _PREFIXES[invitation.kind] + invitation.id,
        invitation_kind=invitation.kind.value,
        place_name=invitation.place_name,
        role=invitation.role,
        email=invitation.email,
        inviter_id=invitation.inviter_id,
        inviter_name=invitation.inviter_name or None,
        created_at=isoformat(invitation.created_at),
        ends_at=epoch_seconds(invitation.expires_at),
        token_hash=invitation.token_hash or None,
        expires_at=epoch_seconds(invitation.expires_at + _KEPT_BEYOND_ITS_END),
    )


def _invitation(place_id: str, record: InvitationRecord) -> Invitation:
    return Invitation(
        id=record.sk.partition("#")[2],
        kind=InvitationKind(record.invitation_kind),
        place_id=place_id,
        place_name=record.place_name,
        role=record.role,
        email=EmailAddress(record.email),
        inviter_id=record.inviter_id,
        inviter_name=record.inviter_name or "",
        created_at=parse_isoformat(record.created_at),
        expires_at=from_epoch_seconds(record.ends_at),
        token_hash=record.token_hash or "",
    )
