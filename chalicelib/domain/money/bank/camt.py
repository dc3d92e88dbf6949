"""Reads statements in CAMT.053 of ISO 20022 (`BankToCustomerStatement`; https://www.iso20022.org).

Versions 02, 04 and 08 place some data differently, so each is read from every place: the entry's status is text or
a `Cd` element, the payer is the `Dbtr` element or its `Pty`, and a transaction's amount is its own or in its
details.

An entry can be a batch of several transactions. A batch is split when the amounts of its transactions are in the
entry's currency and add up to the entry's amount. Otherwise it stays one transfer with the texts of all, marked as
a batch, so that staff handle it.
"""

from collections.abc import Iterator
from datetime import date

from chalicelib.domain.money.bank.models import (
    MAX_TEXT_LENGTH,
    Invalid,
    Line,
    Passed,
    PassedOver,
    Received,
    Statement,
    StatementRefused,
    Transfer,
    read_amount,
    read_day,
    shown,
)
from chalicelib.domain.money.bank.xml_reading import Element, NotXml, parse
from chalicelib.domain.money.top_ups.models import Amount

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
VERSIONS = ("02", "04", "08")
MAX_ENTRIES = 20_000
_NOT_GIVEN = frozenset({"", "NOTPROVIDED", "NONREF"})


def read_camt053(raw: bytes) -> Statement:
    """Read every entry of every statement in the message; each has the number of the line on which it begins.

    Raises:
        StatementRefused: the file is not XML, not CAMT.053 in a supported version, or too long.
    """
    try:
        namespace, root = parse(raw)
    except NotXml as error:
        raise StatementRefused(f"The file is not XML that we read: {error}.") from error
    version = namespace.removeprefix(NAMESPACE)
    if not namespace.startswith(NAMESPACE) or version not in VERSIONS or root.name != "Document":
        found = shown(namespace.rpartition(":")[2] or root.name)
        raise StatementRefused(f"The file is {found}, not camt.053.001 in a version of {', '.join(VERSIONS)}.")
    statements = list(root.all("BkToCstmrStmt/Stmt"))
    if not statements:
        raise StatementRefused("The file holds no statement.")
    lines = [line for statement in statements for line in _lines(statement)]
    if len(lines) > MAX_ENTRIES:
        raise StatementRefused(f"A statement has at most {MAX_ENTRIES} entries; ask for smaller ones.")
    return Statement.of(lines)


def _lines(statement: Element) -> Iterator[Line]:
    account = statement.text_at("Acct/Id/IBAN", "Acct/Id/Othr/Id")
    for entry in statement.all("Ntry"):
        try:
            yield from _entry_lines(entry, account)
        except ValueError as error:
            yield Invalid(entry.line_number, str(error))


def _entry_lines(entry: Element, account: str) -> list[Line]:
    if not account:
        raise ValueError("The statement does not name its account.")
    amount = _amount(entry.first("Amt"))
    passed = _passed(entry)
    if passed is not None:
        return [PassedOver(entry.line_number, passed)]
    if amount.micros < 0:
        raise ValueError("The amount is negative.")
    day = _day(entry)
    details = list(entry.all("NtryDtls/TxDtls"))
    shares = _shares(amount, details)
    if shares is None:
        return [Received(entry.line_number, _transfer(account, day, amount, entry, details))]
    own = [_reference(detail) for detail in details]
    tells_apart = len(set(own)) == len(own) and "" not in own
    return [
        Received(
            detail.line_number,
            Transfer(
                account=account,
                amount=share,
                booked_on=day,
                bank_reference=reference if tells_apart else "",
                text=_text([detail]),
                payer_name=_payer_name(detail),
                payer_account=_payer_account(detail),
            ),
        )
        for detail, share, reference in zip(details, shares, own, strict=True)
    ]


def _passed(entry: Element) -> Passed | None:
    """Why the entry is skipped; None if it is a booked credit."""
    status = entry.text_at("Sts/Cd", "Sts")
    direction = entry.text_at("CdtDbtInd")
    if direction not in {"CRDT", "DBIT"}:
        raise ValueError(f"The entry is neither a credit nor a debit but {shown(direction)}.")
    if status in {"PDNG", "INFO", "FUTR"}:
        return Passed.PENDING
    if status != "BOOK":
        raise ValueError(f"The status {shown(status)} is not known.")
    if entry.text_at("RvslInd") in {"true", "1"}:
        return Passed.REVERSAL
    return Passed.DEBIT if direction == "DBIT" else None


def _shares(total: Amount, details: list[Element]) -> list[Amount] | None:
    """The amount of each transaction of a batch; None if the entry is no batch or cannot be split."""
    if len(details) < 2:
        return None
    try:
        shares = [_amount(detail.first("Amt", "AmtDtls/TxAmt/Amt")) for detail in details]
    except ValueError:
        return None
    is_credit = all(detail.text_at("CdtDbtInd") in {"", "CRDT"} for detail in details)
    is_whole = is_credit and all(share.micros > 0 and share.currency == total.currency for share in shares)
    return shares if is_whole and sum(share.micros for share in shares) == total.micros else None


def _transfer(account: str, day: date, amount: Amount, entry: Element, details: list[Element]) -> Transfer:
    """The entry as one transfer. Its amount is the booked one; charges or exchange may have reduced what was
    sent.
    """
    only = details[0] if len(details) == 1 else None
    return Transfer(
        account=account,
        amount=amount,
        booked_on=day,
        bank_reference=(_reference(only) if only else "") or _given(entry.text_at("AcctSvcrRef")),
        text=_text([*details, entry]),
        payer_name=_payer_name(only) if only else "",
        payer_account=_payer_account(only) if only else "",
        is_batch=len(details) > 1 or any(found.text != "1" for found in entry.all("NtryDtls/Btch/NbOfTxs")),
    )


def _amount(element: Element | None) -> Amount:
    if element is None:
        raise ValueError("The entry has no amount.")
    return read_amount(element.text, element.attributes.get("Ccy", ""))


def _day(entry: Element) -> date:
    return read_day(entry.text_at("BookgDt/Dt", "BookgDt/DtTm")[:10])


def _reference(detail: Element) -> str:
    return _given(detail.text_at("Refs/AcctSvcrRef"))


def _given(text: str) -> str:
    return "" if text in _NOT_GIVEN else text


def _text(sources: list[Element]) -> str:
    """All fields in which a payer, or the payer's bank, can have put a reference."""
    paths = (
        *("RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Ustrd", "RmtInf/Strd/AddtlRmtInf"),
        *("Refs/EndToEndId", "AddtlTxInf", "AddtlNtryInf"),
    )
    pieces = [found.text for source in sources for path in paths for found in source.all(path)]
    return "\n".join(piece for piece in pieces if piece not in _NOT_GIVEN)[:MAX_TEXT_LENGTH]


def _payer_name(detail: Element) -> str:
    return detail.text_at("RltdPties/Dbtr/Pty/Nm", "RltdPties/Dbtr/Nm")


def _payer_account(detail: Element) -> str:
    return detail.text_at("RltdPties/DbtrAcct/Id/IBAN", "RltdPties/DbtrAcct/Id/Othr/Id")
