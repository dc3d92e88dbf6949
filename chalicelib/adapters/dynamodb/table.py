"""The table's shape: one base record, two sparse indexes, a time to live.

Each kind of record is a subclass beside the repository that owns it (`identity.py`, `ledger.py`, …).
Keys are `KIND#id` texts, made only by the `keys` of those modules.
"""

import os

from botocore.session import Session
from pynamodb.attributes import Attribute, DiscriminatorAttribute, UnicodeAttribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.constants import NUMBER, STRING
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from chalicelib.adapters.shared import aws

CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 5
MAX_RETRY_ATTEMPTS = 3


class IntegerAttribute(Attribute[int]):
    """An integer attribute. Money and counts are never floats."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        """Return DynamoDB's form of `value`, which must be an integer."""
        if type(value) is not int:
            raise TypeError(f"{self.attr_name} is a whole number, not {value!r}")
        return str(value)

    def deserialize(self, value: str) -> int:
        """Return the integer that DynamoDB stores."""
        return int(value)


class OptionalInteger(Attribute[int | None]):
    """An integer attribute that may be missing."""

    attr_type = NUMBER
    null = True

    def serialize(self, value: int | None) -> str | None:
        """Return DynamoDB's form of `value`, which must be an integer or None."""
        if value is not None and type(value) is not int:
            raise TypeError(f"{self.attr_name} is a whole number, not {value!r}")
        return None if value is None else str(value)

    def deserialize(self, value: str) -> int:
        """Return the integer that DynamoDB stores."""
        return int(value)


class OptionalText(Attribute[str | None]):
    """A text attribute that may be missing."""

    attr_type = STRING
    null = True


class Index1(GlobalSecondaryIndex["Record"]):
    """Other orders of a customer's items, and look-ups across customers; sparse."""

    class Meta:
        index_name = "gsi1"
        projection = AllProjection()

    gsi1pk = UnicodeAttribute(hash_key=True)
    gsi1sk = UnicodeAttribute(range_key=True)


class Index2(GlobalSecondaryIndex["Record"]):
    """Work queues in shards, such as operations in progress and open meters; sparse."""

    class Meta:
        index_name = "gsi2"
        projection = AllProjection()

    gsi2pk = UnicodeAttribute(hash_key=True)
    gsi2sk = UnicodeAttribute(range_key=True)


class _CutConnection(Connection):
    """A connection whose client comes from the shared session with reduced service models."""

    @property
    def session(self) -> Session:
        """Return the shared session."""
        return aws.session()


class Record(Model):
    """Any item of the table."""

    class Meta:
        table_name = os.environ.get("TABLE_NAME", "hearth")
        billing_mode = "PAY_PER_REQUEST"
        connect_timeout_seconds = CONNECT_TIMEOUT_SECONDS
        read_timeout_seconds = READ_TIMEOUT_SECONDS
        max_retry_attempts = MAX_RETRY_ATTEMPTS

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    kind = DiscriminatorAttribute()
    gsi1pk = OptionalText()
    gsi1sk = OptionalText()
    gsi2pk = OptionalText()
    gsi2sk = OptionalText()
    expires_at = OptionalInteger()
    """Epoch seconds after which DynamoDB deletes the item, often with a delay; readers must check it
    themselves.
    """

    by_gsi1 = Index1()
    by_gsi2 = Index2()

    @classmethod
    def _get_connection(cls) -> TableConnection:
        """Share one client among all kinds of records; PynamoDB would create one for each."""
        if cls is not Record:
            return Record._get_connection()
        connection = super()._get_connection()
        if not isinstance(connection.connection, _CutConnection):
            connection.connection = _cut(connection)
        return connection

    @classmethod
    def shared_connection(cls) -> Connection:
        """Return the connection of all kinds of records, for transactions."""
        return cls._get_connection().connection


def _cut(connection: TableConnection) -> _CutConnection:
    """Return the connection on the reduced service model."""
    cut = _CutConnection(
        connect_timeout_seconds=CONNECT_TIMEOUT_SECONDS,
        read_timeout_seconds=READ_TIMEOUT_SECONDS,
        max_retry_attempts=MAX_RETRY_ATTEMPTS,
    )
    cut.add_meta_table(connection.get_meta_table())
    return cut
