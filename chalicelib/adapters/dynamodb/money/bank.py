"""Stores bank transfers that match no top-up."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import insert, put
from chalicelib.domain.money.bank.models import Reason, Transfer, TransferState, UnmatchedTransfer
from chalicelib.domain.money.bank.ports import NEW_TRANSFER, TRANSFER_UNCHANGED
from chalicelib.domain.money.top_ups.models import Amount
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

_WAITING = "BANK_TRANSFERS"


class BankTransferRecord(Record, discriminator="BANK_TRANSFER"):
    """`BANK_TRANSFER#<transfer>` / `BANK_TRANSFER`; in `gsi2` under `BANK_TRANSFERS` while it waits for staff."""

    transfer = UnicodeAttribute()
    reason = UnicodeAttribute()
    found_at = UnicodeAttribute()
    state = UnicodeAttribute()
    top_up_id = OptionalText()
    decided_by = OptionalText()
    decided_at = OptionalText()
    note = OptionalText()
    version = IntegerAttribute()


class DynamoUnmatchedTransfers:
    """`UnmatchedTransferRecords` on the single table."""

    def transfer(self, transfer_id: str) -> UnmatchedTransfer | None:
        """A transfer by its id; see `UnmatchedTransferRecords.transfer`."""
        try:
            record = BankTransferRecord.get(f"BANK_TRANSFER#{transfer_id}", "BANK_TRANSFER", consistent_read=True)
        except BankTransferRecord.DoesNotExist:
            return None
        return _unmatched(record)

    def waiting(self, page: PageRequest) -> Page[UnmatchedTransfer]:
        """A page of the queue; see `UnmatchedTransferRecords.waiting`."""
        return query_page(BankTransferRecord, _WAITING, page, _unmatched, index_name="gsi2", ascending=True)

    def insert_transfer(self, transfer: UnmatchedTransfer) -> Sequence[Write]:
        """Add a transfer to the queue; see `UnmatchedTransferRecords.insert_transfer`."""
        return [insert(_record(transfer), NEW_TRANSFER)]

    def replace_transfer(self, before: UnmatchedTransfer, after: UnmatchedTransfer) -> Sequence[Write]:
        """Change a transfer in the queue; see `UnmatchedTransferRecords.replace_transfer`."""
        return [put(_record(after), BankTransferRecord.version == before.version, TRANSFER_UNCHANGED)]


def _record(unmatched: UnmatchedTransfer) -> BankTransferRecord:
    is_waiting, found_at = unmatched.state is TransferState.WAITING, isoformat(unmatched.found_at)
    plain = {**asdict(unmatched.transfer), "booked_on": unmatched.transfer.booked_on.isoformat()}
    return BankTransferRecord(
        f"BANK_TRANSFER#{unmatched.id}",
        "BANK_TRANSFER",
        gsi2pk=_WAITING if is_waiting else None,
        gsi2sk=f"{found_at}#{unmatched.id}" if is_waiting else None,
        transfer=json.dumps(plain),
        reason=unmatched.reason.value,
        found_at=found_at,
        state=unmatched.state.value,
        top_up_id=unmatched.top_up_id,
        decided_by=unmatched.decided_by,
        decided_at=isoformat(unmatched.decided_at) if unmatched.decided_at else None,
        note=unmatched.note or None,
        version=unmatched.version,
    )


def _unmatched(record: BankTransferRecord) -> UnmatchedTransfer:
    return UnmatchedTransfer(
        transfer=_transfer(json.loads(record.transfer)),
        reason=Reason(record.reason),
        found_at=parse_isoformat(record.found_at),
        state=TransferState(record.state),
        top_up_id=record.top_up_id,
        decided_by=record.decided_by,
        decided_at=parse_isoformat(record.decided_at) if record.decided_at else None,
        note=record.note or "",
        version=record.version,
    )


def _transfer(stored: dict[str, Any]) -> Transfer:
    amount, day = Amount(**stored["amount"]), date.fromisoformat(stored["booked_on"])
    return Transfer(**{**stored, "amount": amount, "booked_on": day})
