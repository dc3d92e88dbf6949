"""Stores the payment method that a customer prefers."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.table import Record


class PreferredMethodRecord(Record, discriminator="PREFERRED_METHOD"):
    """`CUSTOMER#<customer>` / `PREFERRED_METHOD`: the gateway's id of the method."""

    method_id = UnicodeAttribute()


class DynamoPreferredMethods:
    """`PreferredMethods` on the single table."""

    def preferred(self, customer_id: str) -> str | None:
        """The id of the preferred method; see `PreferredMethods.preferred`."""
        try:
            found = PreferredMethodRecord.get(f"CUSTOMER#{customer_id}", "PREFERRED_METHOD", consistent_read=True)
        except PreferredMethodRecord.DoesNotExist:
            return None
        return found.method_id

    def prefer(self, customer_id: str, method_id: str) -> None:
        """Store the choice; see `PreferredMethods.prefer`."""
        PreferredMethodRecord(f"CUSTOMER#{customer_id}", "PREFERRED_METHOD", method_id=method_id).save()
