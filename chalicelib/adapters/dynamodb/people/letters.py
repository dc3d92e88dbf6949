"""Mailed links, and letters that wait to be sent."""

from pynamodb.attributes import JSONAttribute, UnicodeAttribute

from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import delete, insert, put
from chalicelib.domain.people.accounts.models import (
    EmailAddress,
    Letter,
    LetterKind,
    Link,
    LinkPurpose,
)
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds, isoformat, later, parse_isoformat
from chalicelib.kernel.transactions import Write

_LETTER_KEPT_SECONDS = 24 * 3600


class LinkRecord(Record, discriminator="LINK"):
    """`LINK#<hash of its token>` / `LINK`: an unused mailed link."""

    purpose = UnicodeAttribute()
    user_id = UnicodeAttribute()
    password_version = IntegerAttribute()
    subject = OptionalText()


class LetterRecord(Record, discriminator="LETTER"):
    """`LETTER#<id>` / `LETTER`: a mail to send; a consumer of the table's stream sends it."""

    letter_kind = UnicodeAttribute()
    email = UnicodeAttribute()
    requested_at = UnicodeAttribute()
    values = JSONAttribute(null=True)
    user_id = OptionalText()
    subject = OptionalText()


class DynamoLinks:
    """`Links`, one item each."""

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
        """Delete `link`, because it is used; see `Links.follow`."""
        key = LinkRecord(f"LINK#{link.token_hash}", "LINK")
        return delete(key, LinkRecord.pk.exists(), "link_is_unused")


class DynamoLetters:
    """`Letters`, one item each."""

    def add(self, letter: Letter) -> Write:
        """Request that `letter` is sent."""
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
        """Delete the letter."""
        return delete(LetterRecord(f"LETTER#{letter_id}", "LETTER"))
