"""Statements: every line of any file is in the result, and the same transfer is the same payment."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.money.bank.camt import VERSIONS
from chalicelib.domain.money.bank.csv_statements import MAX_LINES
from chalicelib.domain.money.bank.models import (
    Invalid,
    Line,
    Passed,
    PassedOver,
    Received,
    StatementRefused,
    Transfer,
)
from chalicelib.domain.money.bank.statements import MAX_BYTES, read_statement
from chalicelib.domain.money.bank.xml_reading import MAX_ELEMENTS
from chalicelib.domain.money.bank_references.models import reference_of
from chalicelib.domain.money.top_ups.models import Amount
from dev.simulators.bank.state import TransferState
from dev.simulators.bank.statements import as_camt053, as_csv

HEADER = "account,bank_reference,booked_on,amount,currency,status,payer_name,payer_account,text"
ACCOUNT = "GB29NWBK60161331926819"
GOOD = f"{ACCOUNT},FP-1,2026-11-20,100.00,GBP,booked,A Payer,GB94,hello"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def csv_of(*lines: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


def transfers(raw: bytes) -> list[Transfer]:
    return [line.transfer for line in read_statement(raw).lines if isinstance(line, Received)]


def problems(raw: bytes) -> list[tuple[int, str]]:
    return [(line.line_number, line.problem) for line in read_statement(raw).lines if isinstance(line, Invalid)]


class TestCsv:
    def test_a_line_is_a_transfer(self) -> None:
        [line] = read_statement(csv_of(GOOD)).lines
        assert line == Received(
            2,
            Transfer(
                account=ACCOUNT,
                amount=Amount(100_000_000, "GBP"),
                booked_on=date(2026, 11, 20),
                bank_reference="FP-1",
                text="hello",
                payer_name="A Payer",
                payer_account="GB94",
            ),
        )

    def test_columns_come_in_any_order_and_some_may_lack(self) -> None:
        raw = csv_of(
            "2026-11-20,EUR,7.5,X9,DE02", header="\ufeffbooked_on,currency,amount,bank_reference,account\r"
        )
        assert [found.amount for found in transfers(raw)] == [Amount(7_500_000, "EUR")]

    @pytest.mark.parametrize(
        ("line", "says"),
        [
            (GOOD.replace("100.00", "1e2"), "amount"),
            (GOOD.replace("100.00", "100,00"), "fields"),
            (GOOD.replace("100.00", "0.00"), "zero"),
            (GOOD.replace("100.00", "1.0000001"), "amount"),
            (GOOD.replace("100.00", "99999999999"), "amount"),
            (GOOD.replace("GBP", "gbp"), "currency"),
            (GOOD.replace("2026-11-20", "20.11.2026"), "date"),
            (GOOD.replace("2026-11-20", "2026-02-30"), "date"),
            (GOOD.replace("FP-1", ""), "bank_reference"),
            (GOOD.replace(ACCOUNT, ""), "account"),
            (GOOD.replace("booked", "maybe"), "status"),
            (GOOD.replace("hello", '"hello'), "CSV"),
            (GOOD + ",more", "fields"),
            (GOOD.replace("hello", "h" * 3000), "text"),
            (GOOD.replace("hello", "h" * 9000), "longer"),
            ("nonsense", "fields"),
        ],
    )
    def test_a_bad_line_is_told_of_and_loses_no_other(self, line: str, says: str) -> None:
        raw = csv_of(GOOD, line, GOOD.replace("FP-1", "FP-2"))
        assert [found.bank_reference for found in transfers(raw)] == ["FP-1", "FP-2"]
        [(number, problem)] = problems(raw)
        assert number == 3
        assert says in problem

    def test_what_is_not_utf_8_is_told_of(self) -> None:
        raw = csv_of(GOOD) + GOOD.encode().replace(b"hello", b"\xff\xfe") + b"\n"
        assert [number for number, _ in problems(raw)] == [3]
        assert len(transfers(raw)) == 1

    def test_debits_and_pending_lines_are_passed_over(self) -> None:
        statement = read_statement(csv_of(GOOD.replace("100.00", "-5.00"), GOOD.replace("booked", "pending")))
        assert statement.lines == (PassedOver(2, Passed.DEBIT), PassedOver(3, Passed.PENDING))

    @pytest.mark.parametrize(
        "header", ["", "a,b", HEADER + ",more", HEADER + ",text", HEADER.replace("amount", "Amount"), '"']
    )
    def test_other_columns_refuse_the_file(self, header: str) -> None:
        with pytest.raises(StatementRefused):
            read_statement(csv_of(GOOD, header=header))

    def test_too_much_refuses_the_file(self) -> None:
        assert len(read_statement(csv_of(*["x"] * MAX_LINES)).lines) == MAX_LINES
        with pytest.raises(StatementRefused, match="lines"):
            read_statement(csv_of(*[GOOD] * (MAX_LINES + 1)))
        with pytest.raises(StatementRefused, match="MB"):
            read_statement(b"x" * (MAX_BYTES + 1))

    @settings(deadline=None)
    @given(st.lists(st.one_of(st.just(GOOD), st.text("ab,\"'\\\r\t 12.-é\u2028\x0b", max_size=40)), max_size=30))
    def test_no_line_is_ever_lost(self, lines: list[str]) -> None:
        """Each line that is not empty is in the result under its number."""
        statement = read_statement(csv_of(*lines))
        numbers = [line.line_number for line in statement.lines]
        assert numbers == [number for number, line in enumerate(lines, 2) if line.encode().strip()]
        good = [line.line_number for line in statement.lines if isinstance(line, Received)]
        assert good == [number for number, line in enumerate(lines, 2) if line == GOOD]


def entry(inner: str, amount: str = "100.00", status: str = "BOOK", direction: str = "CRDT") -> str:
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts>{status}</Sts>\n'
        f"<BookgDt><Dt>2026-11-20</Dt></BookgDt>{inner}</Ntry>\n"
    )


def camt(*entries: str, version: str = "02", account: str = "<IBAN>DE02120300000000202051</IBAN>") -> bytes:
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt><Stmt>\n'
        f"<Acct><Id>{account}</Id></Acct>\n{''.join(entries)}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def detail(reference: str, amount: str = "", text: str = "") -> str:
    share = f'<AmtDtls><TxAmt><Amt Ccy="EUR">{amount}</Amt></TxAmt></AmtDtls>' if amount else ""
    return (
        f"<TxDtls><Refs><AcctSvcrRef>{reference}</AcctSvcrRef></Refs>{share}"
        f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"
    )


KINDS: dict[str, type[Line]] = {
    entry(""): Received,
    entry("<AcctSvcrRef>E1</AcctSvcrRef>"): Received,
    entry("", amount="?"): Invalid,
    entry("", direction="DBIT"): PassedOver,
    "<Ntry/>\n": Invalid,
}
"""Entries, and the result for each."""


class TestCamt053:
    def test_an_entry_of_version_2(self) -> None:
        raw = camt(
            entry(
                "<AcctSvcrRef>E1</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>"
                "<RltdPties><Dbtr><Nm>Payer &amp; Sons</Nm></Dbtr>"
                "<DbtrAcct><Id><IBAN>FR76</IBAN></Id></DbtrAcct></RltdPties>"
                "<RmtInf><Ustrd>one</Ustrd><Ustrd>two</Ustrd>"
                "<Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls>"
            )
        )
        assert transfers(raw) == [
            Transfer(
                account="DE02120300000000202051",
                amount=Amount(100_000_000, "EUR"),
                booked_on=date(2026, 11, 20),
                bank_reference="E1",
                text="RF18539007547034\none\ntwo",
                payer_name="Payer & Sons",
                payer_account="FR76",
            )
        ]

    def test_an_entry_of_version_8(self) -> None:
        raw = camt(
            entry(
                "<AcctSvcrRef>E1</AcctSvcrRef><NtryDtls><TxDtls><Refs><AcctSvcrRef>T1</AcctSvcrRef></Refs>"
                "<RltdPties><Dbtr><Pty><Nm>Payer</Nm></Pty></Dbtr></RltdPties></TxDtls></NtryDtls>",
                status="<Cd>BOOK</Cd>",
            ).replace("<Dt>2026-11-20</Dt>", "<DtTm>2026-11-20T23:30:00+01:00</DtTm>"),
            version="08",
            account="<Othr><Id>12345678</Id></Othr>",
        )
        [found] = transfers(raw)
        assert (found.bank_reference, found.payer_name, found.account) == ("T1", "Payer", "12345678")
        assert found.booked_on == date(2026, 11, 20)

    def test_what_was_booked_counts_where_charges_were_taken(self) -> None:
        raw = camt(entry(f"<NtryDtls>{detail('T1', '110.00')}</NtryDtls>"))
        assert [found.amount.micros for found in transfers(raw)] == [100_000_000]

    def test_a_batch_is_taken_apart(self) -> None:
        raw = camt(
            entry(f"<NtryDtls>{detail('T1', '60.00', 'a')}{detail('T2', '40.00', 'b')}</NtryDtls>"),
        )
        assert [(found.bank_reference, found.amount.micros, found.text) for found in transfers(raw)] == [
            ("T1", 60_000_000, "a"),
            ("T2", 40_000_000, "b"),
        ]

    @pytest.mark.parametrize("shares", [("60.00", "41.00"), ("60.00", ""), ("160.00", "-60.00")])
    def test_a_batch_that_does_not_add_up_stays_whole(self, shares: tuple[str, str]) -> None:
        """No money is lost: staff see one transfer with all texts."""
        first, second = reference_of("top_1", "EUR"), reference_of("top_2", "EUR")
        raw = camt(
            entry(f"<NtryDtls>{detail('T1', shares[0], first)}{detail('T2', shares[1], second)}</NtryDtls>")
        )
        [found] = transfers(raw)
        assert found.amount.micros == 100_000_000
        assert found.references == (first, second)
        assert found.is_batch

    @pytest.mark.parametrize(("count", "is_batch"), [("1", False), ("7", True), ("?", True)])
    def test_a_batch_without_its_transactions_is_marked(self, count: str, is_batch: bool) -> None:
        raw = camt(entry(f"<NtryDtls><Btch><NbOfTxs>{count}</NbOfTxs></Btch>{detail('T1')}</NtryDtls>"))
        assert [found.is_batch for found in transfers(raw)] == [is_batch]

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            (entry("", direction="DBIT"), Passed.DEBIT),
            (entry("", status="PDNG"), Passed.PENDING),
            (entry("", status="<Cd>INFO</Cd>"), Passed.PENDING),
            (entry("<RvslInd>true</RvslInd>"), Passed.REVERSAL),
            (entry("<RvslInd>true</RvslInd>", direction="DBIT"), Passed.REVERSAL),
        ],
    )
    def test_what_is_no_booked_credit_is_passed_over(self, text: str, why: Passed) -> None:
        assert read_statement(camt(text)).lines == (PassedOver(3, why),)

    @pytest.mark.parametrize(
        "bad",
        [
            entry("", amount="abc"),
            entry("", amount="-1.00"),
            entry("").replace(' Ccy="EUR"', ""),
            entry("").replace("<Dt>2026-11-20</Dt>", ""),
            entry("", status="????"),
            entry("", direction="both"),
            "<Ntry/>",
        ],
    )
    def test_a_bad_entry_is_reported_by_its_line_and_loses_no_other(self, bad: str) -> None:
        statement = read_statement(camt(entry(""), bad, "\n", entry("<AcctSvcrRef>E2</AcctSvcrRef>")))
        assert [type(line) for line in statement.lines] == [Received, Invalid, Received]
        assert [line.line_number for line in statement.lines][:2] == [3, 5]

    def test_an_entry_of_an_unknown_account_is_reported(self) -> None:
        [line] = read_statement(camt(entry(""), account="")).lines
        assert isinstance(line, Invalid)

    @pytest.mark.parametrize(
        "raw",
        [
            b"<html></html>",
            b"<",
            camt(entry(""))[:-5],
            camt(entry(""), version="99"),
            camt().replace(b"Stmt", b"Other"),
            b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + camt(entry("&a;")),
            b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + camt(entry("")),
            camt("<a>" * 100 + "</a>" * 100),
            camt("<a/>" * (MAX_ELEMENTS + 1)),
            b'<?xml version="1.0" encoding="nonsense"?>' + camt(entry("")),
            b"\xff\xfe<\x00",
        ],
        # One document has a megabyte, and pytest would use its text as its name.
        ids=[
            "html",
            "open-tag",
            "cut-off",
            "version",
            "root",
            "entity",
            "external-entity",
            "deep",
            "large",
            "encoding",
            "rubbish",
        ],
    )
    def test_other_documents_are_refused_whole(self, raw: bytes) -> None:
        with pytest.raises(StatementRefused):
            read_statement(raw)

    @settings(deadline=None)
    @given(st.lists(st.sampled_from(sorted(KINDS))))
    def test_no_entry_is_ever_lost(self, entries: list[str]) -> None:
        lines = read_statement(camt(*entries)).lines
        assert [type(line) for line in lines] == [KINDS[each] for each in entries]
        numbers = [line.line_number for line in lines]
        assert numbers == sorted(set(numbers))

    @settings(deadline=None)
    @given(st.binary(max_size=200))
    def test_any_bytes_are_read_or_refused(self, noise: bytes) -> None:
        for raw in (noise, b"<" + noise, camt(entry("")).replace(b"EUR", noise)):
            try:
                read_statement(raw)
            except StatementRefused:
                continue


def booked(number: int, amount: str = "25.00", text: str = "", bank_reference: str | None = None) -> TransferState:
    return TransferState(
        id=f"tr_{number}",
        account=ACCOUNT,
        amount=Decimal(amount),
        currency="GBP",
        text=text,
        payer_name="Payer <&> Co",
        payer_account="12-34-56 12345678",
        end_to_end_id="",
        bank_reference=f"BR{number}" if bank_reference is None else bank_reference,
        status="booked",
        arrived_at=NOON,
        credited_at=NOON,
    )


Form = Callable[[list[TransferState]], str]


def camt_form(version: str, *, as_batches: bool) -> Form:
    return lambda found: as_camt053(found, version, NOON, as_batches=as_batches)


FORMS: list[Form] = [
    as_csv,
    *(camt_form(version, as_batches=as_batches) for version in VERSIONS for as_batches in (False, True)),
]


class TestIdentity:
    @pytest.mark.guarantee("G01")
    @settings(deadline=None)
    @given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 6)), max_size=12))
    def test_g01_all_forms_tell_of_the_same_payments(self, facts: list[tuple[int, int]]) -> None:
        known = [
            booked(number, str(Decimal(cents) / 100), reference_of(f"top_{top_up}", "GBP"))
            for number, (cents, top_up) in enumerate(facts)
        ]
        found = [
            sorted((found.id, found.amount.micros, found.references) for found in transfers(form(known).encode()))
            for form in FORMS
            if known or form is as_csv
        ]
        assert all(each == found[0] for each in found)
        assert len({key for key, _, _ in found[0]}) == len(known)

    @pytest.mark.guarantee("G01")
    def test_g01_a_line_that_comes_twice_is_one_payment(self) -> None:
        twice = transfers(as_csv([booked(1), booked(1)]).encode())
        assert len({found.id for found in twice}) == 1

    def test_payments_that_cannot_be_told_apart_are_counted(self) -> None:
        """If a bank gives no reference, two equal transfers remain two, and the same two when imported again."""
        raw = as_camt053([booked(1, bank_reference=""), booked(2, bank_reference="")], "02", NOON).encode()
        first = [found.id for found in transfers(raw)]
        assert len(set(first)) == 2
        assert [found.id for found in transfers(raw)] == first

    def test_any_other_fact_makes_another_payment(self) -> None:
        facts = Transfer(ACCOUNT, Amount(1, "GBP"), date(2026, 11, 20), "R")
        others = [
            Transfer("GB00", Amount(1, "GBP"), date(2026, 11, 20), "R"),
            Transfer(ACCOUNT, Amount(2, "GBP"), date(2026, 11, 20), "R"),
            Transfer(ACCOUNT, Amount(1, "EUR"), date(2026, 11, 20), "R"),
            Transfer(ACCOUNT, Amount(1, "GBP"), date(2026, 11, 21), "R"),
            Transfer(ACCOUNT, Amount(1, "GBP"), date(2026, 11, 20), "S"),
        ]
        assert len({facts.id, *(other.id for other in others)}) == 6
        assert Transfer("gb29 nwbk 6016 1331 9268 19", Amount(1, "GBP"), date(2026, 11, 20), "R").id == facts.id
