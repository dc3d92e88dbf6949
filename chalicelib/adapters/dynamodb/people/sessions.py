"""Sessions, in the user's partition."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute

from chalicelib.adapters.dynamodb.foundation.places import CustomerRecord, MembershipRecord, StaffRecord, power_of
from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import delete, insert, update
from chalicelib.domain.foundation.access.models import CustomerStatus, Role, StaffRole
from chalicelib.domain.people.sessions.models import Claims, Session, Standing, TokenKey
from chalicelib.domain.people.sessions.ports import SESSION_UNCHANGED
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

_MAX_SESSIONS = 100


class SessionRecord(Record, discriminator="SESSION"):
    """`USER#<id>` / `SESSION#<id>`: one sign-in; deleted when it ends, or by DynamoDB after it expires."""

    customer_id = OptionalText()
    ip = UnicodeAttribute()
    user_agent = OptionalText()
    created_at = UnicodeAttribute()
    last_used_at = UnicodeAttribute()
    ends_at = UnicodeAttribute()
    password_version = IntegerAttribute()
    family_hash = UnicodeAttribute()
    refresh_hash = UnicodeAttribute()
    has_second_factor = BooleanAttribute(default=False)
    token_keys = JSONAttribute(null=True)


class DynamoSessions:
    """`Sessions` in the user's partition."""

    def get(self, user_id: str, session_id: str) -> Session | None:
        """The session; see `Sessions.get`."""
        try:
            return _session(SessionRecord.get(f"USER#{user_id}", f"SESSION#{session_id}", consistent_read=True))
        except SessionRecord.DoesNotExist:
            return None

    def standing(self, claims: Claims, customer_id: str, *, wants_staff: bool) -> Standing:
        """Read the session, the user's rights, and the customer's status: three items in one request."""
        user = f"USER#{claims.user_id}"
        keys = [(user, f"SESSION#{claims.session_id}")]
        if wants_staff:
            keys.append((user, "STAFF"))
        elif customer_id:
            keys += [(user, f"MEMBERSHIP#{customer_id}"), (f"CUSTOMER#{customer_id}", "CUSTOMER")]
        session: Session | None = None
        role: Role | None = None
        staff_role: StaffRole | None = None
        status = CustomerStatus.ACTIVE
        for record in Record.batch_get(keys, consistent_read=True):
            if isinstance(record, SessionRecord):
                session = _session(record)
            elif isinstance(record, MembershipRecord):
                role = Role(record.role)
            elif isinstance(record, StaffRecord):
                staff_role = power_of(record)
            elif isinstance(record, CustomerRecord):
                status = CustomerStatus(record.status or CustomerStatus.ACTIVE)
        return Standing(session, role, staff_role, status)

    def list(self, user_id: str, page: PageRequest, now: datetime) -> Page[Session]:
        """The user's sessions, newest first; see `Sessions.list`."""
        return query_page(
            SessionRecord,
            f"USER#{user_id}",
            page,
            _session,
            sort_key=SessionRecord.sk.startswith("SESSION#"),
            filters=SessionRecord.expires_at > epoch_seconds(now),
            ascending=False,
        )

    def all_of(self, user_id: str) -> Sequence[Session]:
        """Every session of the user, oldest first; see `Sessions.all_of`."""
        found = SessionRecord.query(
            f"USER#{user_id}", SessionRecord.sk.startswith("SESSION#"), consistent_read=True, limit=_MAX_SESSIONS
        )
        return [_session(record) for record in found]

    def insert(self, session: Session) -> Write:
        """Add `session`."""
        record = SessionRecord(
            f"USER#{session.user_id}",
            f"SESSION#{session.id}",
            customer_id=session.customer_id or None,
            ip=session.ip,
            user_agent=session.user_agent or None,
            created_at=isoformat(session.created_at),
            last_used_at=isoformat(session.last_used_at),
            ends_at=isoformat(session.ends_at),
            password_version=session.password_version,
            family_hash=session.family_hash,
            refresh_hash=session.refresh_hash,
            has_second_factor=session.has_second_factor,
            token_keys=_kept(session.token_keys),
            expires_at=epoch_seconds(session.ends_at),
        )
        return insert(record, "session_is_new")

    def end(self, user_id: str, session_id: str) -> Write:
        """Delete the session; see `Sessions.end`."""
        return delete(_session_key(user_id, session_id))

    def set_second_factor(self, user_id: str, session_id: str, *, has_second_factor: bool) -> Write:
        """Record the second factor of the session; see `Sessions.set_second_factor`."""
        return update(
            _session_key(user_id, session_id),
            [SessionRecord.has_second_factor.set(has_second_factor)],
            SessionRecord.pk.exists(),
            "session_is_there",
        )

    def carry_over(self, user_id: str, session_id: str, password_version: int) -> Write:
        """Keep the session valid under a new password; see `Sessions.carry_over`."""
        return update(
            _session_key(user_id, session_id),
            [SessionRecord.password_version.set(password_version)],
            SessionRecord.pk.exists(),
            "session_is_there",
        )

    def switch_customer(self, session: Session, customer_id: str) -> Write:
        """Switch to another customer; see `Sessions.switch_customer`."""
        attribute = SessionRecord.customer_id
        as_before = attribute == session.customer_id if session.customer_id else attribute.does_not_exist()
        return update(
            _session_key(session.user_id, session.id),
            [
                attribute.set(customer_id) if customer_id else attribute.remove(),
                SessionRecord.token_keys.set(_kept(session.token_keys)),
            ],
            SessionRecord.pk.exists() & as_before,
            SESSION_UNCHANGED,
        )

    def rotate(self, session: Session, refresh_hash: str, now: datetime, ip: str) -> Write:
        """Replace the refresh token; see `Sessions.rotate`."""
        return update(
            _session_key(session.user_id, session.id),
            [
                SessionRecord.refresh_hash.set(refresh_hash),
                SessionRecord.last_used_at.set(isoformat(now)),
                SessionRecord.ip.set(ip),
                SessionRecord.token_keys.set(_kept(session.token_keys)),
            ],
            SessionRecord.refresh_hash == session.refresh_hash,
            "newest_refresh_token",
        )


def _session_key(user_id: str, session_id: str) -> SessionRecord:
    return SessionRecord(f"USER#{user_id}", f"SESSION#{session_id}")


def _session(record: SessionRecord) -> Session:
    return Session(
        id=record.sk.partition("#")[2],
        user_id=record.pk.partition("#")[2],
        customer_id=record.customer_id or "",
        ip=record.ip,
        user_agent=record.user_agent or "",
        created_at=parse_isoformat(record.created_at),
        last_used_at=parse_isoformat(record.last_used_at),
        ends_at=parse_isoformat(record.ends_at),
        password_version=record.password_version,
        family_hash=record.family_hash,
        refresh_hash=record.refresh_hash,
        has_second_factor=record.has_second_factor,
        token_keys=tuple(map(_token_key, record.token_keys or ())),
    )


def _token_key(kept: Mapping[str, Any]) -> TokenKey:
    return TokenKey(kept["id"], kept["key"], from_epoch_seconds(kept["until"]))


def _kept(keys: Sequence[TokenKey]) -> list[dict[str, Any]]:
    return [{"id": key.id, "key": key.text, "until": epoch_seconds(key.until)} for key in keys]
