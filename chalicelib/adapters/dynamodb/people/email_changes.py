"""Changes of e-mail addresses, in the user's partition."""

from collections.abc import Sequence
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.update import Action

from chalicelib.adapters.dynamodb.people.accounts import EmailRecord, UserRecord, take_address
from chalicelib.adapters.dynamodb.table import Record
from chalicelib.adapters.dynamodb.transactor import delete, insert, put, update
from chalicelib.domain.people.accounts.models import EmailAddress, User
from chalicelib.domain.people.credentials.models import EmailChange
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds, isoformat
from chalicelib.kernel.transactions import Write

_NOBODY = "nobody"
_MAX_CHANGES = 100


class EmailChangeRecord(Record, discriminator="EMAIL_CHANGE"):
    """`USER#<id>` / `EMAIL_CHANGE#<id>`: a change of address that can still be undone; ids sort by age."""

    before = UnicodeAttribute()
    after = UnicodeAttribute()


class DynamoEmailChanges:
    """`EmailChanges` in the user's partition, with the items of the addresses."""

    def all_of(self, user_id: str) -> Sequence[EmailChange]:
        """The user's changes, oldest first; see `EmailChanges.all_of`."""
        found = EmailChangeRecord.query(
            f"USER#{user_id}",
            EmailChangeRecord.sk.startswith("EMAIL_CHANGE#"),
            consistent_read=True,
            limit=_MAX_CHANGES,
        )
        return [_change(user_id, record) for record in found]

    def move(self, user: User, change: EmailChange, now: datetime) -> Sequence[Write]:
        """Change the user's address; see `EmailChanges.move`."""
        record = EmailChangeRecord(
            f"USER#{user.id}",
            f"EMAIL_CHANGE#{change.id}",
            before=change.before,
            after=change.after,
            expires_at=epoch_seconds(change.revertible_until),
        )
        kept = EmailRecord(
            f"EMAIL#{change.before}",
            "EMAIL",
            user_id=_NOBODY,
            kept_for=user.id,
            expires_at=epoch_seconds(change.revertible_until),
        )
        return [
            insert(record, "change_is_new"),
            put(kept, EmailRecord.user_id == user.id, "same_user"),
            take_address(change.after, user.id, now),
            _moved(user, change.after, now),
        ]

    def move_back(
        self, user: User, undone: Sequence[EmailChange], password_hash: str, now: datetime
    ) -> Sequence[Write]:
        """Restore an earlier address; see `EmailChanges.move_back`."""
        before = undone[0].before
        restored = EmailRecord(f"EMAIL#{before}", "EMAIL", user_id=user.id)
        belongs_to_user = (EmailRecord.kept_for == user.id) | (EmailRecord.user_id == user.id)
        writes: list[Write] = [
            delete(_key(change), EmailChangeRecord.pk.exists(), "change_stands") for change in undone
        ]
        if user.email != before:
            left = EmailRecord(f"EMAIL#{user.email}", "EMAIL")
            writes.append(delete(left, EmailRecord.user_id == user.id, "same_user"))
        return [
            *writes,
            put(restored, belongs_to_user, "address_is_kept"),
            _moved(user, before, now, UserRecord.password_hash.set(password_hash)),
        ]


def _moved(user: User, email: EmailAddress, now: datetime, *more: Action) -> Write:
    """Update the user's address; everything made under the earlier password version becomes void."""
    return update(
        UserRecord(f"USER#{user.id}", "USER"),
        [
            UserRecord.email.set(email),
            UserRecord.verified_at.set(isoformat(now)),
            UserRecord.password_version.set(user.password_version + 1),
            *more,
        ],
        (UserRecord.password_version == user.password_version) & (UserRecord.email == user.email),
        "same_user",
    )


def _key(change: EmailChange) -> EmailChangeRecord:
    return EmailChangeRecord(f"USER#{change.user_id}", f"EMAIL_CHANGE#{change.id}")


def _change(user_id: str, record: EmailChangeRecord) -> EmailChange:
    return EmailChange(
        id=record.sk.partition("#")[2],
        user_id=user_id,
        before=EmailAddress(record.before),
        after=EmailAddress(record.after),
        revertible_until=from_epoch_seconds(record.expires_at or 0),
    )
