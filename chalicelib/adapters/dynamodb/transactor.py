"""`Transactor` with TransactWriteItems."""

import random
import time
from collections.abc import Sequence
from enum import IntEnum
from uuid import uuid4

from pynamodb.connection import Connection
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.adapters.dynamodb.table import Record
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.limits import MAX_TRANSACTION_WRITES
from chalicelib.kernel.transactions import ConditionFailed, TransactionContended, Write

_ATTEMPTS = 8
_FIRST_DELAY_SECONDS = 0.02


class _Step(IntEnum):
    """The order in which PynamoDB groups a transaction's actions; cancellation reasons come in this order."""

    CHECK = 0
    DELETE = 1
    PUT = 2
    UPDATE = 3


@dataclass(frozen=True)
class DynamoWrite:
    """One action of a transaction; create it with `check`, `put`, `update` or `delete`."""

    asserts: str
    step: _Step
    record: Record
    condition: Condition | None
    actions: tuple[Action, ...] = ()

    def add_to(self, transaction: TransactWrite) -> None:
        """Append this action to `transaction`."""
        match self.step:
            case _Step.CHECK:
                transaction.condition_check(
                    type(self.record), self.record.pk, self.record.sk, condition=self.condition
                )
            case _Step.DELETE:
                transaction.delete(self.record, condition=self.condition)
            case _Step.PUT:
                transaction.save(self.record, condition=self.condition)
            case _Step.UPDATE:
                transaction.update(self.record, actions=list(self.actions), condition=self.condition)


def check(record: Record, condition: Condition, asserts: str) -> DynamoWrite:
    """Assert `condition` on the item with the record's key, and change nothing."""
    return DynamoWrite(asserts, _Step.CHECK, record, condition)


def delete(record: Record, condition: Condition | None = None, asserts: str = "") -> DynamoWrite:
    """Delete the item with the record's key."""
    return DynamoWrite(asserts, _Step.DELETE, record, condition)


def put(record: Record, condition: Condition | None = None, asserts: str = "") -> DynamoWrite:
    """Write the whole `record`."""
    return DynamoWrite(asserts, _Step.PUT, record, condition)


def insert(record: Record, asserts: str) -> DynamoWrite:
    """Write `record`; asserts that the item does not exist."""
    return put(record, Record.pk.does_not_exist(), asserts)


def update(
    record: Record, actions: Sequence[Action], condition: Condition | None = None, asserts: str = ""
) -> DynamoWrite:
    """Change attributes of the item with the record's key."""
    return DynamoWrite(asserts, _Step.UPDATE, record, condition, tuple(actions))


class DynamoTransactor:
    """Commits `DynamoWrite`s; retries conflicts and throttling, but not failed conditions."""

    def commit(self, writes: Sequence[Write]) -> None:
        """Apply all of `writes` or none; see `Transactor.commit`."""
        if not 0 < len(writes) <= MAX_TRANSACTION_WRITES:
            raise ValueError(f"a transaction has 1 to {MAX_TRANSACTION_WRITES} writes, not {len(writes)}")
        steps = sorted((write for write in writes if isinstance(write, DynamoWrite)), key=lambda w: w.step)
        if len(steps) != len(writes):
            raise TypeError("this transactor commits only the Writes of this adapter")
        through = Record.shared_connection()
        for attempt in range(_ATTEMPTS):
            if self._try(through, steps):
                return
            time.sleep(random.uniform(0, _FIRST_DELAY_SECONDS * 2**attempt))  # noqa: S311 (jitter)
        raise TransactionContended(", ".join(sorted({step.asserts for step in steps} - {""})))

    @staticmethod
    def _try(through: Connection, steps: Sequence[DynamoWrite]) -> bool:
        """Try once; return whether the transaction was applied (False: try again)."""
        try:
            with TransactWrite(connection=through, client_request_token=str(uuid4())) as transaction:
                for step in steps:
                    step.add_to(transaction)
        except TransactWriteError as error:
            if error.cause_response_code in _RETRYABLE:
                return False
            if error.cause_response_code != "TransactionCanceledException":
                raise
            codes = [reason.code if reason else "None" for reason in error.cancellation_reasons]
            failed = [
                step.asserts for step, code in zip(steps, codes, strict=True) if code == "ConditionalCheckFailed"
            ]
            if failed:
                raise ConditionFailed(*failed) from error
            if not _RETRYABLE_REASONS.intersection(codes):
                raise
            return False
        return True


_RETRYABLE = {
    "TransactionInProgressException",
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
}
_RETRYABLE_REASONS = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
