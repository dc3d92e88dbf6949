"""Users, customers, memberships, staff, sessions, mail links and letters."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition

from chalicelib.access.models import CustomerStatus, Role, StaffRole
from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import check as check_that
from chalicelib.adapters.dynamodb.transactor import delete, insert, put, update
from chalicelib.identity.emails import EmailAddress
from chalicelib.identity.models import (
    Claims,
    Customer,
    Letter,
    LetterKind,
    Link,
    LinkPurpose,
    Membership,
    Notification,
    Session,
    Standing,
    User,
)
from chalicelib.identity.ports import SESSION_UNCHANGED
from chalicelib.identity.staff import StaffStatus
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds, isoformat, later, parse_isoformat
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

_NOBODY = "nobody"
_MAX_MEMBERSHIPS = 100
_MAX_SESSIONS = 100
_LETTER_KEPT_SECONDS = 24 * 3600


class UserRecord(Record, discriminator="USER"):
    """`USER#<id>` / `USER`: a person."""

    email = UnicodeAttribute()
    name = UnicodeAttribute()
    password_hash = UnicodeAttribute()
    password_version = IntegerAttribute()
    created_at = UnicodeAttribute()
    verified_at = OptionalText()
    phone = OptionalText()
    locale = OptionalText()
    time_zone = OptionalText()
    may_be_called = BooleanAttribute(default=False)
    wants_news = BooleanAttribute(default=False)
    muted = JSONAttribute(null=True)
    default_customer_id = OptionalText()


class EmailRecord(Record, discriminator="EMAIL"):
    """`EMAIL#<address>` / `EMAIL`: whose an address is; at most one user's.

    For a while after its user has moved to another it is kept for them: then it is nobody's, and has an end.
    """

    user_id = UnicodeAttribute()
    kept_for = OptionalText()


class CustomerRecord(Record, discriminator="CUSTOMER"):
    """`CUSTOMER#<id>` / `CUSTOMER`: a paying account."""

    name = UnicodeAttribute()
    created_at = UnicodeAttribute()
    company = OptionalText()
    status = OptionalText()
    """Nothing is ACTIVE."""


def is_active() -> Condition:
    """The condition that a customer is neither blocked nor closed."""
    unset: Condition = CustomerRecord.status.does_not_exist()
    either: Condition = unset | (CustomerRecord.status == CustomerStatus.ACTIVE.value)
    return either


def active_customer(customer_id: str, asserts: str) -> Write:
    """Change nothing; assert that a customer is neither blocked nor closed."""
    return check_that(CustomerRecord(f"CUSTOMER#{customer_id}", "CUSTOMER"), is_active(), asserts)


class MembershipRecord(Record, discriminator="MEMBERSHIP"):
    """`USER#<id>` / `MEMBERSHIP#<customer id>`: what a user is in a customer; in `gsi1` by customer."""

    role = UnicodeAttribute()
    since = UnicodeAttribute()


class StaffRecord(Record, discriminator="STAFF"):
    """`USER#<id>` / `STAFF`: a user's place in the operator's staff; in `gsi1` all together."""

    role = UnicodeAttribute()
    status = UnicodeAttribute()
    since = UnicodeAttribute()


class SetupRecord(Record, discriminator="SETUP"):
    """`SETUP` / `SETUP`: there is a first owner."""

    owner_user_id = UnicodeAttribute()
    at = UnicodeAttribute()


class SessionRecord(Record, discriminator="SESSION"):
    """`USER#<id>` / `SESSION#<id>`: one sign-in; gone when it is ended, removed by DynamoDB after its time."""

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


class LinkRecord(Record, discriminator="LINK"):
    """`LINK#<hash of its token>` / `LINK`: a mailed link that was not followed yet."""

    purpose = UnicodeAttribute()
    user_id = UnicodeAttribute()
    password_version = IntegerAttribute()
    subject = OptionalText()


class LetterRecord(Record, discriminator="LETTER"):
    """`LETTER#<id>` / `LETTER`: a mail to be written; the table's stream starts the writing."""

    letter_kind = UnicodeAttribute()
    email = UnicodeAttribute()
    requested_at = UnicodeAttribute()
    values = JSONAttribute(null=True)
    user_id = OptionalText()
    subject = OptionalText()


class DynamoUsers:
    """`Users` on the single table."""

    def get(self, user_id: str) -> User | None:
        """The user; see `Users.get`."""
        try:
            return user_of(UserRecord.get(f"USER#{user_id}", "USER", consistent_read=True))
        except UserRecord.DoesNotExist:
            return None

    def several(self, user_ids: Sequence[str]) -> Mapping[str, User]:
        """Those of the users that there are, by id, in as few reads as there can be."""
        found = UserRecord.batch_get([(f"USER#{user_id}", "USER") for user_id in user_ids])
        return {user.id: user for user in map(user_of, found)}

    def by_email(self, email: EmailAddress) -> User | None:
        """Who has this address; see `Users.by_email`. Two reads, whether anybody does or not."""
        try:
            user_id = EmailRecord.get(f"EMAIL#{email}", "EMAIL", consistent_read=True).user_id
        except EmailRecord.DoesNotExist:
            user_id = _NOBODY
        return self.get(user_id)

    def memberships(self, user_id: str) -> Sequence[Membership]:
        """The user's memberships with their customers' names; see `Users.memberships`."""
        found = MembershipRecord.query(
            f"USER#{user_id}",
            MembershipRecord.sk.startswith("MEMBERSHIP#"),
            consistent_read=True,
            limit=_MAX_MEMBERSHIPS,
        )
        roles = {record.sk.partition("#")[2]: record for record in found}
        customers = CustomerRecord.batch_get(
            [(f"CUSTOMER#{id_}", "CUSTOMER") for id_ in roles], consistent_read=True
        )
        names = {customer.pk.partition("#")[2]: customer.name for customer in customers}
        return [
            Membership(user_id, id_, names[id_], Role(record.role), parse_isoformat(record.since))
            for id_, record in roles.items()
        ]

    def members(self, customer_id: str) -> Sequence[Membership]:
        """Who belongs to the customer; see `Users.members`."""
        found = list(MembershipRecord.query(f"MEMBERS#{customer_id}", index_name="gsi1", limit=_MAX_MEMBERSHIPS))
        if not found:
            return ()
        name = CustomerRecord.get(f"CUSTOMER#{customer_id}", "CUSTOMER", consistent_read=True).name
        return [
            Membership(
                record.pk.partition("#")[2], customer_id, name, Role(record.role), parse_isoformat(record.since)
            )
            for record in found
        ]

    def staff_role(self, user_id: str) -> StaffRole | None:
        """The user's place in the staff; see `Users.staff_role`."""
        try:
            return _power_of(StaffRecord.get(f"USER#{user_id}", "STAFF", consistent_read=True))
        except StaffRecord.DoesNotExist:
            return None

    def insert(self, user: User) -> Sequence[Write]:
        """Add `user`; see `Users.insert`."""
        record = UserRecord(
            f"USER#{user.id}",
            "USER",
            email=user.email,
            name=user.name,
            password_hash=user.password_hash,
            password_version=user.password_version,
            created_at=isoformat(user.created_at),
            verified_at=isoformat(user.verified_at) if user.verified_at else None,
        )
        return take_address(user.email, user.id, user.created_at), insert(record, "user_is_new")

    def insert_customer(self, customer: Customer, owner: User) -> Sequence[Write]:
        """Add `customer` with its owner; see `Users.insert_customer`."""
        since = isoformat(customer.created_at)
        record = CustomerRecord(
            f"CUSTOMER#{customer.id}",
            "CUSTOMER",
            name=customer.name,
            company=customer.company or None,
            created_at=since,
        )
        membership = MembershipRecord(
            f"USER#{owner.id}",
            f"MEMBERSHIP#{customer.id}",
            gsi1pk=f"MEMBERS#{customer.id}",
            gsi1sk=owner.id,
            role=Role.OWNER.value,
            since=since,
        )
        return insert(record, "customer_is_new"), insert(membership, "membership_is_new")

    def verify(self, user_id: str, password_version: int, now: datetime) -> Write:
        """Note that the address was proven; see `Users.verify`."""
        return update(
            _user_key(user_id),
            [UserRecord.verified_at.set(isoformat(now))],
            UserRecord.password_version == password_version,
            "same_password",
        )

    def change_password(self, user: User, password_hash: str, now: datetime) -> Write:
        """Set a new password; see `Users.change_password`."""
        return update(
            _user_key(user.id),
            [
                UserRecord.password_hash.set(password_hash),
                UserRecord.password_version.set(user.password_version + 1),
                UserRecord.verified_at.set(isoformat(user.verified_at or now)),
            ],
            UserRecord.password_version == user.password_version,
            "same_password",
        )

    def describe(self, user: User) -> Write:
        """Keep what the user says of themselves; see `Users.describe`."""
        return update(
            _user_key(user.id),
            [
                UserRecord.name.set(user.name),
                UserRecord.phone.set(user.phone),
                UserRecord.locale.set(user.locale),
                UserRecord.time_zone.set(user.time_zone),
                UserRecord.may_be_called.set(user.may_be_called),
                UserRecord.wants_news.set(user.wants_news),
            ],
            UserRecord.pk.exists(),
            "user_is_there",
        )

    def choose(self, user: User) -> Write:
        """Keep what the user wants; see `Users.choose`."""
        return update(
            _user_key(user.id),
            [
                UserRecord.muted.set(sorted(user.muted)),
                UserRecord.default_customer_id.set(user.default_customer_id),
            ],
            UserRecord.pk.exists(),
            "user_is_there",
        )

    def rehash(self, user: User, password_hash: str) -> Write:
        """Keep the same password in a newer form; see `Users.rehash`."""
        return update(
            _user_key(user.id),
            [UserRecord.password_hash.set(password_hash)],
            UserRecord.password_version == user.password_version,
            "same_password",
        )

    def same_password(self, user: User) -> Write:
        """Assert that the password is still this one; see `Users.same_password`."""
        return check_that(
            _user_key(user.id), UserRecord.password_version == user.password_version, "same_password"
        )


class DynamoInstallation:
    """`Installation` on one item."""

    def is_set_up(self) -> bool:
        """Whether there is a first owner."""
        try:
            SetupRecord.get("SETUP", "SETUP", consistent_read=True)
        except SetupRecord.DoesNotExist:
            return False
        return True

    def set_up(self, owner_user_id: str, now: datetime) -> Write:
        """Note that there is; see `Installation.set_up`."""
        return insert(SetupRecord("SETUP", "SETUP", owner_user_id=owner_user_id, at=isoformat(now)), "not_set_up")


class DynamoSessions:
    """`Sessions` in the partition of their user."""

    def get(self, user_id: str, session_id: str) -> Session | None:
        """The session; see `Sessions.get`."""
        try:
            return _session(SessionRecord.get(f"USER#{user_id}", f"SESSION#{session_id}", consistent_read=True))
        except SessionRecord.DoesNotExist:
            return None

    def standing(self, claims: Claims, customer_id: str, *, wants_staff: bool) -> Standing:
        """The session with the right behind it, and whether that is blocked: three items, in one request."""
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
                staff_role = _power_of(record)
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
            expires_at=epoch_seconds(session.ends_at),
        )
        return insert(record, "session_is_new")

    def end(self, user_id: str, session_id: str) -> Write:
        """Remove the session; see `Sessions.end`."""
        return delete(_session_key(user_id, session_id))

    def set_second_factor(self, user_id: str, session_id: str, *, has_second_factor: bool) -> Write:
        """Note what stands behind the session; see `Sessions.set_second_factor`."""
        return update(
            _session_key(user_id, session_id),
            [SessionRecord.has_second_factor.set(has_second_factor)],
            SessionRecord.pk.exists(),
            "session_is_there",
        )

    def carry_over(self, user_id: str, session_id: str, password_version: int) -> Write:
        """Let the session outlive a new password; see `Sessions.carry_over`."""
        return update(
            _session_key(user_id, session_id),
            [SessionRecord.password_version.set(password_version)],
            SessionRecord.pk.exists(),
            "session_is_there",
        )

    def turn(self, session: Session, customer_id: str) -> Write:
        """Let it act for another customer; see `Sessions.turn`."""
        attribute = SessionRecord.customer_id
        as_before = attribute == session.customer_id if session.customer_id else attribute.does_not_exist()
        return update(
            _session_key(session.user_id, session.id),
            [attribute.set(customer_id) if customer_id else attribute.remove()],
            SessionRecord.pk.exists() & as_before,
            SESSION_UNCHANGED,
        )

    def rotate(self, session: Session, refresh_hash: str, now: datetime, ip: str) -> Write:
        """Expect another refresh token; see `Sessions.rotate`."""
        return update(
            _session_key(session.user_id, session.id),
            [
                SessionRecord.refresh_hash.set(refresh_hash),
                SessionRecord.last_used_at.set(isoformat(now)),
                SessionRecord.ip.set(ip),
            ],
            SessionRecord.refresh_hash == session.refresh_hash,
            "newest_refresh_token",
        )


class DynamoLinks:
    """`Links`, each on its own item."""

    def get(self, token_hash: str) -> Link | None:
        """The link; see `Links.get`."""
        try:
            record = LinkRecord.get(f"LINK#{token_hash}", "LINK", consistent_read=True)
        except LinkRecord.DoesNotExist:
            return None
        return Link(
            token_hash=token_hash,
            purpose=LinkPurpose(record.purpose),
            user_id=record.user_id,
            password_version=record.password_version,
            expires_at=from_epoch_seconds(record.expires_at or 0),
            subject=record.subject or "",
        )

    def insert(self, link: Link) -> Write:
        """Add `link`."""
        record = LinkRecord(
            f"LINK#{link.token_hash}",
            "LINK",
            purpose=link.purpose.value,
            user_id=link.user_id,
            password_version=link.password_version,
            subject=link.subject or None,
            expires_at=epoch_seconds(link.expires_at),
        )
        return insert(record, "link_is_new")

    def follow(self, link: Link) -> Write:
        """Use `link` up; see `Links.follow`."""
        key = LinkRecord(f"LINK#{link.token_hash}", "LINK")
        return delete(key, LinkRecord.pk.exists(), "link_is_unused")


class DynamoLetters:
    """`Letters`, each on its own item."""

    def add(self, letter: Letter) -> Write:
        """Ask for `letter`."""
        record = LetterRecord(
            f"LETTER#{letter.id}",
            "LETTER",
            letter_kind=letter.kind.value,
            email=letter.email,
            requested_at=isoformat(letter.requested_at),
            values=dict(letter.values) or None,
            user_id=letter.user_id or None,
            subject=letter.subject or None,
            expires_at=epoch_seconds(later(letter.requested_at, _LETTER_KEPT_SECONDS)),
        )
        return put(record)

    def get(self, letter_id: str) -> Letter | None:
        """The letter; see `Letters.get`."""
        try:
            record = LetterRecord.get(f"LETTER#{letter_id}", "LETTER", consistent_read=True)
        except LetterRecord.DoesNotExist:
            return None
        return Letter(
            letter_id,
            LetterKind(record.letter_kind),
            EmailAddress(record.email),
            parse_isoformat(record.requested_at),
            record.values or {},
            record.user_id or "",
            record.subject or "",
        )

    def done(self, letter_id: str) -> Write:
        """Forget the letter."""
        return delete(LetterRecord(f"LETTER#{letter_id}", "LETTER"))


def take_address(email: EmailAddress, user_id: str, now: datetime) -> Write:
    """Make `email` this user's alone; asserts `email_is_free`: nobody's, and not kept for anybody at `now`."""
    is_free = EmailRecord.pk.does_not_exist() | (EmailRecord.expires_at <= epoch_seconds(now))
    return put(EmailRecord(f"EMAIL#{email}", "EMAIL", user_id=user_id), is_free, "email_is_free")


def _user_key(user_id: str) -> UserRecord:
    return UserRecord(f"USER#{user_id}", "USER")


def _session_key(user_id: str, session_id: str) -> SessionRecord:
    return SessionRecord(f"USER#{user_id}", f"SESSION#{session_id}")


def user_of(record: UserRecord) -> User:
    """The user that `record` keeps."""
    return User(
        id=record.pk.partition("#")[2],
        email=EmailAddress(record.email),
        name=record.name,
        password_hash=record.password_hash,
        password_version=record.password_version,
        created_at=parse_isoformat(record.created_at),
        verified_at=parse_isoformat(record.verified_at) if record.verified_at else None,
        phone=record.phone or "",
        locale=record.locale or "en",
        time_zone=record.time_zone or "UTC",
        may_be_called=record.may_be_called,
        wants_news=record.wants_news,
        muted=frozenset(Notification(name) for name in record.muted or ()),
        default_customer_id=record.default_customer_id or "",
    )


def _power_of(record: StaffRecord) -> StaffRole | None:
    """The role, unless it is out of force."""
    return StaffRole(record.role) if record.status == StaffStatus.ACTIVE.value else None


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
    )
