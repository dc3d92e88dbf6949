"""Second factors, and sign-ins that wait for them."""

from collections.abc import Sequence
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute, UnicodeSetAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import And, Condition
from pynamodb.expressions.update import Action

from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import check, delete, insert, put, update
from chalicelib.domain.people.second_factor.models import (
    MAX_CODES_PER_PENDING_SIGN_IN,
    PendingSignIn,
    Proof,
    SecondFactor,
    UsedStep,
)
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.transactions import Write

_CONDITION_FAILED = "ConditionalCheckFailedException"


class SecondFactorRecord(Record, discriminator="SECOND_FACTOR"):
    """`USER#<id>` / `SECOND_FACTOR`: a user's authenticator app, turned on if `on_since` is set."""

    sealed_secret = UnicodeAttribute()
    on_since = OptionalText()
    last_step = IntegerAttribute(default=0)
    recovery_hashes = UnicodeSetAttribute(null=True)


class PendingSignInRecord(Record, discriminator="PENDING_SIGN_IN"):
    """`PENDING_SIGN_IN#<hash of its token>` / `PENDING_SIGN_IN`: a sign-in that waits for its second factor."""

    user_id = UnicodeAttribute()
    password_version = IntegerAttribute()
    codes_tried = IntegerAttribute(default=0)


class DynamoSecondFactors:
    """`SecondFactors`, in the user's partition."""

    def get(self, user_id: str) -> SecondFactor | None:
        """Return the user's second factor; see `SecondFactors.get`."""
        try:
            record = SecondFactorRecord.get(f"USER#{user_id}", "SECOND_FACTOR", consistent_read=True)
        except SecondFactorRecord.DoesNotExist:
            return None
        return SecondFactor(
            user_id=user_id,
            sealed_secret=record.sealed_secret,
            on_since=parse_isoformat(record.on_since) if record.on_since else None,
            last_step=record.last_step,
            recovery_hashes=frozenset(record.recovery_hashes or ()),
        )

    def begin(self, user_id: str, sealed_secret: str) -> Write:
        """Store a secret to be confirmed; see `SecondFactors.begin`."""
        record = SecondFactorRecord(f"USER#{user_id}", "SECOND_FACTOR", sealed_secret=sealed_secret)
        return put(record, SecondFactorRecord.on_since.does_not_exist(), "second_factor_is_off")

    def turn_on(self, factor: SecondFactor, step: int, recovery_hashes: Sequence[str], now: datetime) -> Write:
        """Turn it on; see `SecondFactors.turn_on`."""
        waits = SecondFactorRecord.on_since.does_not_exist() & _same(factor)
        actions = [
            SecondFactorRecord.on_since.set(isoformat(now)),
            SecondFactorRecord.last_step.set(step),
            SecondFactorRecord.recovery_hashes.set(set(recovery_hashes)),
        ]
        return update(_key(factor.user_id), actions, waits, "second_factor_waits")

    def is_off(self, user_id: str) -> Write:
        """Assert that it is off; see `SecondFactors.is_off`."""
        return check(_key(user_id), SecondFactorRecord.on_since.does_not_exist(), "second_factor_is_off")

    def is_on(self, user_id: str) -> Write:
        """Assert that it is on; see `SecondFactors.is_on`."""
        return check(_key(user_id), SecondFactorRecord.on_since.exists(), "second_factor_is_on")

    def use(self, factor: SecondFactor, proof: Proof) -> Write:
        """Mark a code as used; see `SecondFactors.use`."""
        return update(_key(factor.user_id), [_used(proof)], _unused(factor, proof), "code_is_unused")

    def replace_recovery_codes(self, factor: SecondFactor, proof: Proof, recovery_hashes: Sequence[str]) -> Write:
        """Replace the recovery codes; see `SecondFactors.replace_recovery_codes`."""
        actions: list[Action] = [SecondFactorRecord.recovery_hashes.set(set(recovery_hashes))]
        if isinstance(proof, UsedStep):
            actions.append(SecondFactorRecord.last_step.set(proof.step))
        return update(_key(factor.user_id), actions, _unused(factor, proof), "code_is_unused")

    def turn_off(self, factor: SecondFactor, proof: Proof) -> Write:
        """Delete the second factor; see `SecondFactors.turn_off`."""
        return delete(_key(factor.user_id), _unused(factor, proof), "code_is_unused")

    def forget(self, user_id: str) -> Write:
        """Delete the second factor; see `SecondFactors.forget`."""
        return delete(_key(user_id))


class DynamoPendingSignIns:
    """`PendingSignIns`, one item each."""

    def insert(self, pending: PendingSignIn) -> Write:
        """Add `pending`."""
        record = PendingSignInRecord(
            *_pending_key(pending.token_hash),
            user_id=pending.user_id,
            password_version=pending.password_version,
            expires_at=epoch_seconds(pending.expires_at),
        )
        return insert(record, "sign_in_is_new")

    def get(self, token_hash: str) -> PendingSignIn | None:
        """The sign-in; see `PendingSignIns.get`."""
        try:
            record = PendingSignInRecord.get(*_pending_key(token_hash), consistent_read=True)
        except PendingSignInRecord.DoesNotExist:
            return None
        return _pending(token_hash, record)

    def try_code(self, token_hash: str, now: datetime) -> PendingSignIn | None:
        """Count one more attempt; see `PendingSignIns.try_code`."""
        record = PendingSignInRecord(*_pending_key(token_hash))
        waits = (PendingSignInRecord.codes_tried < MAX_CODES_PER_PENDING_SIGN_IN) & (
            PendingSignInRecord.expires_at > epoch_seconds(now)
        )
        try:
            record.update(actions=[PendingSignInRecord.codes_tried.add(1)], condition=waits)
        except UpdateError as error:
            if error.cause_response_code != _CONDITION_FAILED:
                raise
            return None
        return _pending(token_hash, record)

    def finish(self, pending: PendingSignIn) -> Write:
        """Delete the sign-in; see `PendingSignIns.finish`."""
        key = PendingSignInRecord(*_pending_key(pending.token_hash))
        return delete(key, PendingSignInRecord.pk.exists(), "sign_in_is_pending")


def _key(user_id: str) -> SecondFactorRecord:
    return SecondFactorRecord(f"USER#{user_id}", "SECOND_FACTOR")


def _pending_key(token_hash: str) -> tuple[str, str]:
    return f"PENDING_SIGN_IN#{token_hash}", "PENDING_SIGN_IN"


def _pending(token_hash: str, record: PendingSignInRecord) -> PendingSignIn:
    expires_at = from_epoch_seconds(record.expires_at or 0)
    return PendingSignIn(token_hash, record.user_id, record.password_version, expires_at)


def _same(factor: SecondFactor) -> Condition:
    return SecondFactorRecord.sealed_secret == factor.sealed_secret


def _used(proof: Proof) -> Action:
    if isinstance(proof, UsedStep):
        return SecondFactorRecord.last_step.set(proof.step)
    return SecondFactorRecord.recovery_hashes.delete({proof.code_hash})


def _unused(factor: SecondFactor, proof: Proof) -> Condition:
    """Return the condition that neither the code nor a later one was used, and that the secret is unchanged."""
    is_same: Condition = _same(factor) & SecondFactorRecord.on_since.exists()
    if isinstance(proof, UsedStep):
        is_later: Condition = SecondFactorRecord.last_step < proof.step
        return And(is_same, is_later)
    return And(is_same, SecondFactorRecord.recovery_hashes.contains(proof.code_hash))
