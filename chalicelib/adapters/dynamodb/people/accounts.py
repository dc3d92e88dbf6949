"""Users, their addresses and memberships."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute

from chalicelib.adapters.dynamodb.foundation.places import CustomerRecord, MembershipRecord, StaffRecord, power_of
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import check as check_that
from chalicelib.adapters.dynamodb.transactor import insert, put, update
from chalicelib.domain.foundation.access.models import Role, StaffRole
from chalicelib.domain.people.accounts.models import (
    Customer,
    EmailAddress,
    Membership,
    Notification,
    User,
)
from chalicelib.kernel.clock import epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.transactions import Write

_NOBODY = "nobody"


_MAX_MEMBERSHIPS = 100


class UserRecord(Record, discriminator="USER"):
    """`USER#<id>` / `USER`: a user."""

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
    """`EMAIL#<address>` / `EMAIL`: the user of an address.

    After its user has changed the address, it is reserved for that user until it expires.
    """

    user_id = UnicodeAttribute()
    kept_for = OptionalText()


class DynamoUsers:
    """`Users` on the single table."""

    def get(self, user_id: str) -> User | None:
        """The user; see `Users.get`."""
        try:
            return user_of(UserRecord.get(f"USER#{user_id}", "USER", consistent_read=True))
        except UserRecord.DoesNotExist:
            return None

    def several(self, user_ids: Sequence[str]) -> Mapping[str, User]:
        """Return the existing users by id, in as few reads as possible."""
        found = UserRecord.batch_get([(f"USER#{user_id}", "USER") for user_id in user_ids])
        return {user.id: user for user in map(user_of, found)}

    def by_email(self, email: EmailAddress) -> User | None:
        """Return the user with this address; see `Users.by_email`. Two reads, whether one exists or not."""
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
        """Return the customer's memberships; see `Users.members`."""
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
        """Return the user's role in the staff; see `Users.staff_role`."""
        try:
            return power_of(StaffRecord.get(f"USER#{user_id}", "STAFF", consistent_read=True))
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
        """Record that the address was proven; see `Users.verify`."""
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
        """Store the user's profile; see `Users.describe`."""
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
        """Store the user's settings; see `Users.choose`."""
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
        """Store a new hash of the same password; see `Users.rehash`."""
        return update(
            _user_key(user.id),
            [UserRecord.password_hash.set(password_hash)],
            UserRecord.password_version == user.password_version,
            "same_password",
        )

    def same_password(self, user: User) -> Write:
        """Assert that the password is unchanged; see `Users.same_password`."""
        return check_that(
            _user_key(user.id), UserRecord.password_version == user.password_version, "same_password"
        )


def take_address(email: EmailAddress, user_id: str, now: datetime) -> Write:
    """Give `email` to this user; asserts `email_is_free`: nobody has it, and it is not reserved at `now`."""
    is_free = EmailRecord.pk.does_not_exist() | (EmailRecord.expires_at <= epoch_seconds(now))
    return put(EmailRecord(f"EMAIL#{email}", "EMAIL", user_id=user_id), is_free, "email_is_free")


def _user_key(user_id: str) -> UserRecord:
    return UserRecord(f"USER#{user_id}", "USER")


def user_of(record: UserRecord) -> User:
    """Convert an item into a user."""
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
