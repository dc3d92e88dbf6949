"""Tallies of consecutive attempts."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.table import IntegerAttribute, Record
from chalicelib.adapters.dynamodb.transactor import delete, put
from chalicelib.domain.people.attempts.models import Tally
from chalicelib.kernel.clock import epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.transactions import Write


class TallyRecord(Record, discriminator="TALLY"):
    """`TALLY#<name>` / `TALLY`: the number of consecutive attempts, and the time of the last one."""

    attempts = IntegerAttribute()
    last_at = UnicodeAttribute()


class DynamoTallies:
    """`Tallies`, one item each, which expires."""

    def get(self, name: str) -> Tally | None:
        """Return the tally; see `Tallies.get`."""
        try:
            record = TallyRecord.get(f"TALLY#{name}", "TALLY", consistent_read=True)
        except TallyRecord.DoesNotExist:
            return None
        return Tally(record.attempts, parse_isoformat(record.last_at))

    def count(self, name: str, before: Tally | None, after: Tally) -> Write:
        """Replace the tally; see `Tallies.count`."""
        record = TallyRecord(
            f"TALLY#{name}",
            "TALLY",
            attempts=after.attempts,
            last_at=isoformat(after.last_at),
            expires_at=epoch_seconds(after.forgotten_at),
        )
        if before is None:
            is_fresh = TallyRecord.pk.does_not_exist()
        else:
            is_fresh = (TallyRecord.attempts == before.attempts) & (
                TallyRecord.last_at == isoformat(before.last_at)
            )
        return put(record, is_fresh, "tally_is_fresh")

    def clear(self, name: str) -> Write:
        """Delete the tally; see `Tallies.clear`."""
        return delete(TallyRecord(f"TALLY#{name}", "TALLY"))
