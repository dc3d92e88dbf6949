"""Rate counters and idempotency records."""

from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DeleteError, PutError, UpdateError
from pynamodb.expressions.update import Action

from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalInteger, OptionalText, Record
from chalicelib.domain.foundation.access.models import Claim, ClaimState, StoredAnswer
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.limits import IDEMPOTENCY_KEY_TTL_SECONDS

_CONDITION_FAILED = "ConditionalCheckFailedException"


class CounterRecord(Record, discriminator="COUNTER"):
    """`COUNTER#<name>` / window start: the number of calls in one window."""

    hits = IntegerAttribute(null=True)


class IdempotencyRecord(Record, discriminator="IDEMPOTENCY"):
    """`IDEMPOTENCY#<key>` / `IDEMPOTENCY`: a claim, and its answer if there is one."""

    claimant = UnicodeAttribute()
    fingerprint = UnicodeAttribute()
    leased_until = IntegerAttribute()
    status = OptionalInteger()
    body = OptionalText()


class DynamoRateCounters:
    """`RateCounters`, one item per window, which expires."""

    def hit(self, name: str, window_start: datetime, window_seconds: int) -> int:
        """Increment a counter; see `RateCounters.hit`."""
        start = epoch_seconds(window_start)
        record = CounterRecord(f"COUNTER#{name}", f"{start:010d}")
        record.update(
            actions=[
                CounterRecord.hits.add(1),
                CounterRecord.kind.set(CounterRecord),
                CounterRecord.expires_at.set(start + 2 * window_seconds),
            ]
        )
        return record.hits


class DynamoIdempotencyRecords:
    """`IdempotencyRecords`, one item per key, which expires after 24 hours."""

    def claim(self, key: str, claimant: str, fingerprint: str, now: datetime, lease_seconds: int) -> Claim:
        """Claim `key`, or return the existing claim's state; see `IdempotencyRecords.claim`."""
        at = epoch_seconds(now)
        record = self._record(key)
        record.claimant = claimant
        record.fingerprint = fingerprint
        record.leased_until = at + lease_seconds
        record.expires_at = at + IDEMPOTENCY_KEY_TTL_SECONDS
        abandoned = (
            (IdempotencyRecord.fingerprint == fingerprint)
            & IdempotencyRecord.status.does_not_exist()
            & (IdempotencyRecord.leased_until < at)
        )
        free = IdempotencyRecord.pk.does_not_exist() | (IdempotencyRecord.expires_at < at) | abandoned
        try:
            record.save(condition=free)
        except PutError as error:
            if error.cause_response_code != _CONDITION_FAILED:
                raise
            return self._found(key, claimant, fingerprint)
        return Claim(ClaimState.FIRST)

    def answer(self, key: str, claimant: str, answer: StoredAnswer) -> None:
        """Store the answer; see `IdempotencyRecords.answer`."""
        actions: list[Action] = [
            IdempotencyRecord.status.set(answer.status),
            IdempotencyRecord.body.set(answer.body),
        ]
        try:
            self._record(key).update(actions=actions, condition=IdempotencyRecord.claimant == claimant)
        except UpdateError as error:
            if error.cause_response_code != _CONDITION_FAILED:
                raise

    def release(self, key: str, claimant: str) -> None:
        """Delete the claim; see `IdempotencyRecords.release`."""
        try:
            self._record(key).delete(condition=IdempotencyRecord.claimant == claimant)
        except DeleteError as error:
            if error.cause_response_code != _CONDITION_FAILED:
                raise

    def _found(self, key: str, claimant: str, fingerprint: str) -> Claim:
        try:
            found = IdempotencyRecord.get(f"IDEMPOTENCY#{key}", "IDEMPOTENCY", consistent_read=True)
        except IdempotencyRecord.DoesNotExist:  # released between our two calls
            return Claim(ClaimState.IN_PROGRESS)
        if found.claimant == claimant:  # our own write: its answer was lost, and the SDK repeated it
            return Claim(ClaimState.FIRST)
        if found.fingerprint != fingerprint:
            return Claim(ClaimState.OTHER_REQUEST)
        if found.status is None:
            return Claim(ClaimState.IN_PROGRESS)
        return Claim(ClaimState.ANSWERED, StoredAnswer(found.status, found.body or ""))

    @staticmethod
    def _record(key: str) -> IdempotencyRecord:
        return IdempotencyRecord(f"IDEMPOTENCY#{key}", "IDEMPOTENCY")
