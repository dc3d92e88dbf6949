"""Statements of the simulated bank: CAMT.053 in versions 02, 04 and 08, and Hearth's own CSV."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from xml.sax.saxutils import escape

from dev.simulators.bank.state import TransferState

COLUMNS = (
    *("account", "bank_reference", "booked_on", "amount", "currency"),
    *("status", "payer_name", "payer_account", "text"),
)


_CREDIT_TRANSFER = (
    "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
)


def as_csv(transfers: Iterable[TransferState]) -> str:
    """One line for each transfer, including pending ones."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(COLUMNS)
    for transfer in transfers:
        day = transfer.booked_on or transfer.arrived_at.date()
        status = "pending" if transfer.credited_at is None else "booked"
        text = f"{transfer.text} {transfer.end_to_end_id}".replace("\n", " ")
        writer.writerow(
            [
                *(transfer.account, transfer.bank_reference, day.isoformat(), f"{transfer.amount:.2f}"),
                *(transfer.currency, status, transfer.payer_name, transfer.payer_account, text),
            ]
        )
    return target.getvalue()


def as_camt053(
    transfers: Sequence[TransferState], version: str, made_at: datetime, *, as_batches: bool = False
) -> str:
    """One statement for each account and currency, with one entry for each transfer, or one batch for each day."""
    statements = "".join(
        _statement(number, list(of_account), version, made_at, as_batches)
        for number, (_, of_account) in enumerate(groupby(sorted(transfers, key=_account), key=_account), 1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">\n<BkToCstmrStmt>\n'
        f"<GrpHdr><MsgId>M{made_at:%Y%m%d%H%M%S}</MsgId><CreDtTm>{made_at:%Y-%m-%dT%H:%M:%S}</CreDtTm></GrpHdr>\n"
        f"{statements}</BkToCstmrStmt>\n</Document>\n"
    )


def with_broken_amount(text: str, transfer: TransferState) -> str:
    """The statement with an unreadable amount on the first line that has this transfer's amount."""
    amount = f"{transfer.amount:.2f}"
    return re.sub(rf'(,|<Ntry>\n<Amt Ccy="[A-Z]+">){amount}', r"\g<1>12.3.4", text, count=1)


def _account(transfer: TransferState) -> tuple[str, str]:
    return transfer.account, transfer.currency


def _statement(
    number: int, transfers: list[TransferState], version: str, made_at: datetime, as_batches: bool
) -> str:
    account, currency = _account(transfers[0])
    is_iban = account[:2].isalpha()
    identified = f"<IBAN>{account}</IBAN>" if is_iban else f"<Othr><Id>{escape(account)}</Id></Othr>"
    booked = [transfer for transfer in transfers if transfer.credited_at]
    pending = [transfer for transfer in transfers if not transfer.credited_at]
    groups = [[transfer] for transfer in booked]
    if as_batches:
        groups = [list(of_day) for _, of_day in groupby(booked, key=lambda transfer: transfer.booked_on)]
    closing = sum((transfer.amount for transfer in booked), Decimal(0))
    entries = "".join(_entry(group, version) for group in [*groups, *([transfer] for transfer in pending)])
    return (
        f"<Stmt>\n<Id>S{number}</Id><CreDtTm>{made_at:%Y-%m-%dT%H:%M:%S}</CreDtTm>\n"
        f"<Acct><Id>{identified}</Id><Ccy>{currency}</Ccy></Acct>\n"
        f"{_balance('OPBD', Decimal(0), currency, made_at)}{_balance('CLBD', closing, currency, made_at)}"
        f"{entries}</Stmt>\n"
    )


def _balance(code: str, amount: Decimal, currency: str, at: datetime) -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{amount:.2f}</Amt>'
        f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{at:%Y-%m-%d}</Dt></Dt></Bal>\n"
    )


def _entry(transfers: list[TransferState], version: str) -> str:
    first = transfers[0]
    total = sum((transfer.amount for transfer in transfers), Decimal(0))
    code = "PDNG" if first.credited_at is None else "BOOK"
    status = f"<Cd>{code}</Cd>" if version == "08" else code
    booking = f"<BookgDt><Dt>{first.booked_on}</Dt></BookgDt>" if first.booked_on else ""
    batch = f"<Btch><NbOfTxs>{len(transfers)}</NbOfTxs></Btch>" if len(transfers) > 1 else ""
    own = first.bank_reference if len(transfers) == 1 else f"B-{first.id}"
    details = "".join(_details(transfer, version) for transfer in transfers)
    return (
        f'<Ntry>\n<Amt Ccy="{first.currency}">{total:.2f}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>{status}</Sts>\n'
        f"{booking}{_reference(own)}{_CREDIT_TRANSFER}\n"
        f"<NtryDtls>{batch}\n{details}</NtryDtls>\n</Ntry>\n"
    )


def _reference(text: str) -> str:
    return f"<AcctSvcrRef>{escape(text)}</AcctSvcrRef>" if text else ""


def _details(transfer: TransferState, version: str) -> str:
    amount = f'<Amt Ccy="{transfer.currency}">{transfer.amount:.2f}</Amt>'
    share = f"<AmtDtls><TxAmt>{amount}</TxAmt></AmtDtls>"
    payer = f"<Nm>{escape(transfer.payer_name)}</Nm>"
    if version != "02":
        share = f"{amount}<CdtDbtInd>CRDT</CdtDbtInd>"
    if version == "08":
        payer = f"<Pty>{payer}</Pty>"
    text = "".join(f"<Ustrd>{escape(line)}</Ustrd>" for line in transfer.text.splitlines() if line)
    remittance = f"<RmtInf>{text}</RmtInf>" if text else ""
    return (
        f"<TxDtls><Refs>{_reference(transfer.bank_reference)}"
        f"<EndToEndId>{escape(transfer.end_to_end_id or 'NOTPROVIDED')}</EndToEndId></Refs>{share}"
        f"<RltdPties><Dbtr>{payer}</Dbtr><DbtrAcct><Id><Othr><Id>{escape(transfer.payer_account)}</Id></Othr></Id>"
        f"</DbtrAcct></RltdPties>{remittance}</TxDtls>\n"
    )
