"""The table's shape: one base record, two sparse indexes, a time to live.

Each kind of record is a subclass beside the repository that owns it (`identity.py`, `ledger.py`, …).
Keys are `KIND#id` texts, made only by the `keys` of those modules.
"""

import os

from pynamodb.attributes import DiscriminatorAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 5
MAX_RETRY_ATTEMPTS = 3


class Index1(GlobalSecondaryIndex["Record"]):
    """Other orders of a customer's things, and look-ups across customers; sparse."""

    class Meta:
        index_name = "gsi1"
        projection = AllProjection()

    gsi1pk = UnicodeAttribute(hash_key=True)
    gsi1sk = UnicodeAttribute(range_key=True)


class Index2(GlobalSecondaryIndex["Record"]):
    """Work to be done, in shards: operations in progress, open meters; sparse."""

    class Meta:
        index_name = "gsi2"
        projection = AllProjection()

    gsi2pk = UnicodeAttribute(hash_key=True)
    gsi2sk = UnicodeAttribute(range_key=True)


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
    gsi1pk = UnicodeAttribute(null=True)
    gsi1sk = UnicodeAttribute(null=True)
    gsi2pk = UnicodeAttribute(null=True)
    gsi2sk = UnicodeAttribute(null=True)
    expires_at = NumberAttribute(null=True)
    """Epoch seconds after which DynamoDB may remove the item; readers must not trust it to be prompt."""

    by_gsi1 = Index1()
    by_gsi2 = Index2()


def connection() -> Connection:
    """A connection for transactions, with the same bounds as every other call."""
    return Connection(
        connect_timeout_seconds=CONNECT_TIMEOUT_SECONDS,
        read_timeout_seconds=READ_TIMEOUT_SECONDS,
        max_retry_attempts=MAX_RETRY_ATTEMPTS,
    )
