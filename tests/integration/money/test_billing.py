"""Billing profiles, invoices, credit notes and exports on the real table, through their endpoints."""

import csv
import io
import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pypdfium2
import pytest
from beancount import loader
from beancount.core import data
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from chalicelib.adapters.dynamodb.money.billing import fingerprint
from chalicelib.domain.foundation.access.models import Principal, StaffRole
from chalicelib.domain.money.billing.models import CreditNote
from chalicelib.domain.money.credit_notes.corrections import Correction
from chalicelib.domain.money.journals.journals import (
    CustomersChart,
    ExportFormat,
    OperatorsChart,
    as_beancount,
    as_hledger,
)
from chalicelib.domain.money.ledger.models import Entry, EntryType, Operator, Posting, account_name
from chalicelib.kernel.errors import Conflict, InvalidInput
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.money import decimal_amount
from chalicelib.kernel.pages import PageRequest
from chalicelib.kernel.transactions import ConditionFailed
from chalicelib.wiring.app import app
from functions.money.billing.workers import issue_invoices
from tests.fakes.access import FakeAuthenticator, principal
from tests.fakes.billing import Months
from tests.support import billed
from tests.support.api import Api
from tests.support.aws import PlayedAws
from tests.support.clock import START, SettableClock
from tests.support.engine import Engine
from tests.support.parts import give
from tests.unit.money.test_invoices import apply, steps
from tools import export_ledger

PROFILE = {
    "kind": "company",
    "name": "Muster GmbH",
    "addressLines": ["Torstraße 140"],
    "postalCode": "10119",
    "city": "Berlin",
    "country": "DE",
    "vatNumber": "de 123.456.789",
    "timeZone": "Europe/Berlin",
}

WHY = {"reason": "The account is being closed"}


@pytest.fixture
def me(aws: PlayedAws) -> Principal:
    """A person with a customer."""
    return principal()


@pytest.fixture
def signed_in(api: Api, me: Principal, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The same person, signed in; `staff` is a member of the staff."""
    authenticator = FakeAuthenticator(
        {"mine": me, "other": principal(), "staff": principal(None, StaffRole.ADMIN)}
    )
    give(people={"authenticator": authenticator})
    app().core.transactor.commit(app().money.ledger.open_account(me.customer_id))
    return api.as_bearer("mine")


def test_a_profile_that_was_never_set_is_an_individual_of_no_country(signed_in: Api) -> None:
    found = signed_in.get("/account/billing-profile").data
    assert (found["kind"], found["country"], found["timeZone"], found["updatedAt"]) == (
        "individual",
        None,
        "UTC",
        None,
    )


def test_a_profile_is_kept_with_its_number_in_the_form_of_vies(signed_in: Api) -> None:
    put = signed_in.put("/account/billing-profile", PROFILE)
    assert (put.status, put.data["vatNumber"]) == (200, "DE123456789")
    assert signed_in.get("/account/billing-profile").data == put.data
    again = signed_in.put("/account/billing-profile", {**PROFILE, "name": "Muster AG"})
    assert again.data["name"] == "Muster AG"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"country": "XX"}, "country"),
        ({"country": "UK"}, "country"),
        ({"timeZone": "Europe/Atlantis"}, "timeZone"),
        ({"timeZone": "../../etc/passwd"}, "timeZone"),
        ({"currency": "EUR"}, "currency"),
        ({"vatNumber": "DE12345678"}, "vatNumber"),
        ({"vatNumber": "FR12345678901"}, "vatNumber"),
        ({"kind": "individual"}, "vatNumber"),
        ({"country": "US"}, "vatNumber"),
        ({"name": "a\u0007b"}, "name"),
        ({"addressLines": []}, "addressLines"),
    ],
)
def test_a_profile_that_cannot_be_is_refused_by_its_field(
    signed_in: Api, table: Engine, wrong: dict[str, object], field: str
) -> None:
    before = table.items()
    answer = signed_in.put("/account/billing-profile", {**PROFILE, **wrong})
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert {name.split(".")[0] for name in answer.fields} == {field}
    kept = [item for item in table.items() if item["kind"]["S"] == "BILLING_PROFILE"]
    assert kept == [item for item in before if item["kind"]["S"] == "BILLING_PROFILE"]


def test_an_invoice_is_issued_in_the_hour_after_its_month(
    signed_in: Api, me: Principal, clock: SettableClock
) -> None:
    signed_in.put("/account/billing-profile", PROFILE)
    billed.pay(me.customer_id)
    deployment_id = billed.charge(me.customer_id, hours=2)
    clock.set(datetime(2031, 5, 31, 22, 59, tzinfo=UTC))  # 0:59 in Berlin
    assert issue_invoices({}, None) == {"issued": 0}
    clock.advance(60)
    assert [issue_invoices({}, None) for _ in range(3)] == [{"issued": 1}, {"issued": 0}, {"issued": 0}]
    (listed,) = signed_in.get("/billing/invoices").data
    assert (listed["number"], listed["total"]["amount"], listed["tax"]["amount"]) == (
        "HC-2031-000001",
        "100.00",
        "0.00",
    )
    shown = signed_in.get(f"/billing/invoices/{listed['id']}").data
    assert (shown["periodStart"], shown["periodEnd"]) == ("2031-04-30T22:00:00Z", "2031-05-31T22:00:00Z")
    assert shown["tax"]["treatment"] == "reverse_charge"
    assert shown["buyer"]["name"] == "Muster GmbH"
    assert shown["closingBalance"]["amount"] == "900.00"
    (line,) = shown["lines"]
    assert (line["deploymentId"], line["day"], line["seconds"]) == (deployment_id, "2031-05-04", 7200)
    assert (line["amount"]["amount"], line["ledgerAmount"]["amount"]) == ("100.00", "100.00")
    (payment,) = shown["movements"]
    assert (payment["kind"], payment["reference"], payment["amount"]["amount"]) == (
        "payment",
        "pi_test",
        "1000.00",
    )


def test_the_pdf_is_made_once_and_linked_each_time(signed_in: Api, me: Principal, aws: PlayedAws) -> None:
    invoice = billed.invoice(me.customer_id)
    path = f"/billing/invoices/{invoice.id}"
    first, second = signed_in.get(path).data, signed_in.get(path).data
    assert urlsplit(first["pdfUrl"]).path == urlsplit(second["pdfUrl"]).path
    assert len(aws.asked("PutObject")) == 1
    ((key, pdf),) = aws.files.items()
    assert aws.download(first["pdfUrl"]) == aws.download(second["pdfUrl"]) == pdf
    assert fingerprint(invoice) in key
    assert me.customer_id in key
    assert pdf.content_type == "application/pdf"
    page = pypdfium2.PdfDocument(pdf.content)[0].get_textpage().get_text_range()
    assert f"Total USD {invoice.totals.total_cents // 100:,}.00" in page
    assert first["pdfUrlExpiresAt"] == "2031-05-04T12:05:30Z"


def test_an_invoice_is_read_back_as_it_was_issued_and_cannot_be_issued_again(
    signed_in: Api, me: Principal, table: Engine
) -> None:
    invoice = billed.invoice(me.customer_id)
    records = app().money.billing_records
    assert records.invoice(me.customer_id, invoice.id) == invoice
    before = table.items()
    with pytest.raises(ConditionFailed, match="new_invoice"):
        app().core.transactor.commit([records.insert_invoice(replace(invoice, number="HC-2031-000002"))])
    assert billed.invoicing_later(days=41).issue_due(me.customer_id) == []
    assert table.items() == before


def test_invoices_are_listed_newest_first(signed_in: Api, me: Principal, clock: SettableClock) -> None:
    for _ in range(3):
        billed.pay(me.customer_id)
        clock.advance(timedelta(days=32).total_seconds())
        issue_invoices({}, None)
    numbers = [found["number"] for found in signed_in.get("/billing/invoices").data]
    assert numbers == ["HC-2031-000003", "HC-2031-000002", "HC-2031-000001"]
    first = signed_in.get("/billing/invoices", query={"limit": "2"})
    rest = signed_in.get("/billing/invoices", query={"limit": "2", "cursor": first.next_cursor})
    assert [found["number"] for found in (*first.data, *rest.data)] == numbers


def test_staff_invoice_what_is_left_at_once_and_the_schedule_goes_on_from_there(
    signed_in: Api, me: Principal, clock: SettableClock
) -> None:
    path, staff = f"/v1/admin/customers/{me.customer_id}/invoices", signed_in.as_bearer("staff")
    assert (staff.post(path, WHY).status, staff.post(path, WHY).code) == (409, "CONFLICT")
    billed.pay(me.customer_id)
    billed.charge(me.customer_id, hours=2)
    clock.advance(1)
    made = staff.post(path, WHY)
    assert (made.status, made.data["total"]["amount"]) == (201, "100.00")
    assert made.data["periodEnd"] == "2031-05-04T12:00:31Z"
    assert staff.post(path, WHY).status == 409
    billed.charge(me.customer_id, hours=1)
    clock.advance(timedelta(days=40).total_seconds())
    assert issue_invoices({}, None) == {"issued": 1}
    rest = signed_in.get("/billing/invoices").data[0]
    assert (rest["periodStart"], rest["periodEnd"]) == (made.data["periodEnd"], "2031-06-01T00:00:00Z")
    assert rest["total"]["amount"] == "50.00"
    nobody = staff.post(f"/v1/admin/customers/{new_id(Kind.CUSTOMER, START)}/invoices", WHY)
    assert (nobody.status, nobody.code) == (404, "NOT_FOUND")


def test_many_at_once_issue_each_customers_invoice_once_and_number_them_without_a_gap(
    signed_in: Api, clock: SettableClock
) -> None:
    customers = [new_id(Kind.CUSTOMER, START) for _ in range(6)]
    for customer_id in customers:
        app().core.transactor.commit(app().money.ledger.open_account(customer_id))
        billed.pay(customer_id)
    clock.advance(timedelta(days=40).total_seconds())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(app().money.invoicing.issue_due, customers * 3))
    records = app().money.billing_records
    pages = [records.invoices(customer_id, PageRequest()).items for customer_id in customers]
    assert [len(page) for page in pages] == [1] * len(customers)
    numbers = sorted(int(page[0].number[-6:]) for page in pages)
    assert numbers == list(range(1, len(customers) + 1))
    in_order = sorted((page[0] for page in pages), key=lambda found: found.number)
    assert all(earlier.issued_at <= later.issued_at for earlier, later in itertools.pairwise(in_order))


class TestCreditNotes:
    def test_it_gives_money_back_and_leaves_the_invoice_as_it_was(
        self, signed_in: Api, me: Principal, aws: PlayedAws
    ) -> None:
        signed_in.put("/account/billing-profile", {**PROFILE, "vatNumber": None})
        invoice = billed.invoice(me.customer_id)
        assert (invoice.totals.total_cents, invoice.totals.tax_cents) == (110_000, 17_563)
        path = f"/v1/admin/customers/{me.customer_id}/invoices/{invoice.id}/credit-notes"
        body = {"amount": "119.00", "reason": "Two days without network"}
        made = signed_in.as_bearer("staff").post(path, body)
        assert (made.status, made.data["approval"]) == (201, None)
        note = made.data["creditNote"]
        assert note["number"] == "HC-CN-2031-000001"
        assert (note["total"]["amount"], note["tax"]["amount"]["amount"]) == ("119.00", "19.00")
        newest = signed_in.get("/billing/ledger").data[0]
        assert (newest["sequence"], newest["amount"]["amount"]) == (note["entrySequence"], "119.00")
        assert (newest["source"], newest["reference"]) == ("operator:usage", note["id"])
        (listed,) = signed_in.get("/billing/credit-notes").data
        shown = signed_in.get(f"/billing/credit-notes/{listed['id']}").data
        assert (shown["invoiceNumber"], shown["reason"]) == (invoice.number, body["reason"])
        assert len(aws.files) == 1
        assert app().money.billing_records.invoice(me.customer_id, invoice.id) == invoice

    def test_no_more_than_the_invoice_is_given_back(self, signed_in: Api, me: Principal) -> None:
        invoice = billed.invoice(me.customer_id)
        path = f"/v1/admin/customers/{me.customer_id}/invoices/{invoice.id}/credit-notes"
        staff = signed_in.as_bearer("staff")
        asked = staff.post(path, {"amount": "1099.99", "reason": "First"})
        app().money.approvals.approve(asked.data["approval"]["id"], "usr_another")
        for amount in ("0.02", "1100.00", "0.005", "0", "-1"):
            refused = staff.post(path, {"amount": amount, "reason": "Too much"})
            assert (refused.status, refused.fields) == (400, {"amount"}), amount
        last = staff.post(path, {"amount": "0.01", "reason": "The last cent"})
        app().money.approvals.approve(last.data["approval"]["id"], "usr_another")
        assert [found["number"][-6:] for found in signed_in.get("/billing/credit-notes").data] == [
            "000002",
            "000001",
        ]

    def test_above_the_limit_a_second_of_the_staff_decides(self, signed_in: Api, me: Principal) -> None:
        """Small corrections add up to a large one; a repeated request that four approve is issued once."""
        invoice = billed.invoice(me.customer_id)
        path = f"/v1/admin/customers/{me.customer_id}/invoices/{invoice.id}/credit-notes"
        staff, once = signed_in.as_bearer("staff"), {"Idempotency-Key": "once"}
        assert staff.post(path, {"amount": "1000.00", "reason": "Small"}).data["approval"] is None
        body = {"amount": "50.00", "reason": "One more"}
        asked = staff.post(path, body, headers=once).data
        approval = asked["approval"]
        assert (asked["creditNote"], approval["subject"]) == (None, "credit_note")
        assert (approval["invoiceId"], approval["topUpId"]) == (invoice.id, None)
        assert staff.post(path, body, headers=once).data["approval"] == approval
        assert app().money.billing_records.credited(me.customer_id, invoice.id).cents == 100_000
        own = staff.post(f"/v1/admin/approvals/{approval['id']}/approve")
        assert (own.status, own.code) == (403, "FORBIDDEN")

        def decide(user: str) -> str:
            try:
                return app().money.approvals.approve(approval["id"], user).effect_id
            except Conflict:
                return ""

        assert app().money.approvals is not None  # built once, before the threads
        with ThreadPoolExecutor(4) as pool:
            effects = list(pool.map(decide, ("usr_b", "usr_c", "usr_d", "usr_e")))
        assert sorted(effects)[:3] == ["", "", ""]
        newest = signed_in.get("/billing/credit-notes").data[0]
        assert (newest["id"], newest["total"]["amount"]) == (max(effects), "50.00")
        assert app().money.billing_records.credited(me.customer_id, invoice.id).cents == 105_000

    def test_many_small_ones_at_once_do_not_pass_the_limit(self, signed_in: Api, me: Principal) -> None:
        invoice = billed.invoice(me.customer_id)
        assert app().money.corrections is not None  # built once, before the threads

        def correct(number: int) -> bool:
            wish = Correction(me.customer_id, invoice.id, 180_000_000, "x", "usr_a")
            return isinstance(app().money.corrections.correct(wish, f"{number}"), CreditNote)

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(correct, range(8))) == 5
        assert app().money.billing_records.credited(me.customer_id, invoice.id).cents == 90_000

    def test_at_once_they_are_one_after_the_other(self, signed_in: Api, me: Principal) -> None:
        invoice = billed.invoice(me.customer_id)

        def issue(number: int) -> str | None:
            try:
                return (
                    app()
                    .money.credit_notes.issue(
                        me.customer_id, invoice.id, 300_000_000, reason="x", actor_user_id="", key=f"{number % 4}"
                    )
                    .number
                )
            except InvalidInput:
                return None

        with ThreadPoolExecutor(4) as pool:
            issued = list(pool.map(issue, range(8)))
        assert sorted({number for number in issued if number}) == [f"HC-CN-2031-{n:06d}" for n in (1, 2, 3)]
        assert app().money.billing_records.credited(me.customer_id, invoice.id).cents == 90_000

    def test_its_tax_in_parts_is_the_invoices_tax(self, signed_in: Api, me: Principal) -> None:
        signed_in.put("/account/billing-profile", {**PROFILE, "vatNumber": None})
        invoice = billed.invoice(me.customer_id)
        parts = [1, 2, 3, 33_333, 76_661]
        notes = [
            app().money.credit_notes.issue(
                me.customer_id, invoice.id, cents * 10_000, reason="x", actor_user_id="", key=f"{cents}"
            )
            for cents in parts
        ]
        assert sum(note.total_cents for note in notes) == invoice.totals.total_cents
        assert sum(note.tax_cents for note in notes) == invoice.totals.tax_cents

    def test_the_next_invoice_does_not_take_it_off_again(
        self, signed_in: Api, me: Principal, clock: SettableClock
    ) -> None:
        invoice = billed.invoice(me.customer_id)
        app().money.credit_notes.issue(
            me.customer_id, invoice.id, 50_000_000, reason="x", actor_user_id="", key="x"
        )
        clock.advance(timedelta(days=40).total_seconds())
        billed.charge(me.customer_id, hours=1)
        (following,) = billed.invoicing_later(days=40).issue_due(me.customer_id)
        assert (following.totals.credits_applied_cents, following.totals.total_cents) == (0, 5_000)
        assert [moved.kind for moved in following.movements] == ["credit_note"]


def read_by_beancount(text: str) -> dict[str, Decimal]:
    """Check the journal with Beancount; return the balances that it computes."""
    entries, errors, _ = loader.load_string(text)
    assert errors == [], errors[:3]
    balances: dict[str, Decimal] = {}
    for entry in entries:
        for posting in entry.postings if isinstance(entry, data.Transaction) else ():
            assert posting.units
            assert posting.units.number is not None
            balances[posting.account] = balances.get(posting.account, Decimal()) + posting.units.number
    return balances


@hypothesis_settings(max_examples=15, deadline=None)
@given(happened=steps())
def test_beancount_accepts_any_ledger_and_finds_the_same_balances(happened: list[tuple[str, int, int]]) -> None:
    months = Months(START)
    for step in happened:
        apply(months, step)
    entries = months.entries()
    others: dict[str, int] = {}
    for entry in entries:
        name = CustomersChart().other(entry.counterpart)
        others[name] = others.get(name, 0) - entry.change_micros
    found = read_by_beancount("".join(as_beancount(entries, CustomersChart())))
    expected = {name: decimal_amount(micros) for name, micros in others.items()}
    if entries:
        expected["Assets:Prepaid"] = decimal_amount(entries[-1].balance_after_micros)
    assert found == expected


def test_beancount_refuses_a_journal_that_was_tampered_with() -> None:
    months = Months(START)
    months.post(EntryType.CREDIT, 5_000_001, Operator.CREDITS)
    text = "".join(as_beancount(months.entries(), CustomersChart()))
    for tampered in (
        text.replace("Assets:Prepaid  5.000001", "Assets:Prepaid  5.000002"),
        text.replace("5.000001", "5.000002", 2),
    ):
        _, errors, _ = loader.load_string(tampered)
        assert errors


def test_what_people_write_cannot_break_a_journal() -> None:
    reason = 'x" ; | \\ \n2031-01-01 open Assets:Evil USD\n; {}\t"'
    months = Months(START)
    months.post(EntryType.CREDIT, 1, Operator.CREDITS, reference=reason, reason=reason)
    months.post(EntryType.CREDIT, 1, "oddly named:account (with) äöü", reference="=1+1", reason="")
    text = "".join(as_beancount(months.entries(), CustomersChart()))
    assert "Assets:Evil" not in read_by_beancount(text)
    hledger = "".join(as_hledger(months.entries(), CustomersChart()))
    assert [line for line in hledger.splitlines() if line.startswith("2031")] == [
        line for line in hledger.splitlines() if line.startswith("2031-05-04 * (")
    ]


def test_hledgers_journal_asserts_each_balance() -> None:
    entries = [_entry(3, "10.5", "20.5"), _entry(4, "-0.000001", "20.499999")]
    assert "".join(as_hledger(entries, CustomersChart())) == (
        "commodity 1000.000000 USD\n"
        "\n2031-05-04 * opening balance\n"
        "    Assets:Prepaid  10.000000 USD\n    Equity:Opening-Balances\n"
        "\n2031-05-04 * (3) credit: why  ; id:ent_3, at:2031-05-04T12:00:30.000000Z, reference:ref\n"
        "    Assets:Prepaid  10.500000 USD = 20.500000 USD\n"
        "    Income:Operator:Credits  -10.500000 USD\n"
        "\n2031-05-04 * (4) credit: why  ; id:ent_4, at:2031-05-04T12:00:30.000000Z, reference:ref\n"
        "    Assets:Prepaid  -0.000001 USD = 20.499999 USD\n"
        "    Income:Operator:Credits  0.000001 USD\n"
    )


def _entry(sequence: int, change: str, after: str) -> Entry:
    own, micros = account_name("cus_1"), int(Decimal(change) * 10**6)
    source, destination = (Operator.CREDITS, own) if micros > 0 else (own, Operator.CREDITS)
    return Entry(
        f"ent_{sequence}",
        "cus_1",
        sequence,
        START,
        EntryType.CREDIT,
        Posting(source, destination, abs(micros)),
        int(Decimal(after) * 10**6),
        "ref",
        "why",
    )


class TestExport:
    @pytest.mark.parametrize("format_", ExportFormat)
    def test_a_file_is_linked(self, signed_in: Api, me: Principal, aws: PlayedAws, format_: ExportFormat) -> None:
        billed.pay(me.customer_id)
        answer = signed_in.get("/billing/ledger/export", query={"format": format_.value})
        assert (answer.status, answer.data["format"]) == (200, format_.value)
        ((key, file),) = aws.files.items()
        assert aws.download(answer.data["url"]) == file
        assert key.startswith(f"exports/{me.customer_id}/")
        assert file.content_type.startswith("text/")
        assert b"pi_test" in file.content

    def test_a_table_for_spreadsheets(self, signed_in: Api, me: Principal, aws: PlayedAws) -> None:
        billed.pay(me.customer_id, reference="=cmd|' /C calc'!A0")
        billed.charge(me.customer_id, hours=1)
        signed_in.get("/billing/ledger/export")
        (file,) = aws.files.values()
        rows = list(csv.DictReader(io.StringIO(file.content.decode(), newline="")))
        assert [(row["sequence"], row["type"], row["change"], row["balance_after"]) for row in rows] == [
            ("1", "top_up", "1000.000000", "1000.000000"),
            ("2", "usage", "-50.000000", "950.000000"),
        ]
        assert rows[0]["reference"].startswith("'=")

    def test_a_part_begins_with_the_balance_before_it(
        self, signed_in: Api, me: Principal, aws: PlayedAws, clock: SettableClock
    ) -> None:
        billed.pay(me.customer_id)
        clock.advance(86400)
        middle = clock.now()
        billed.pay(me.customer_id)
        clock.advance(86400)
        end = clock.now()
        billed.pay(me.customer_id)
        query = {"format": "beancount", "from": f"{middle:%Y-%m-%dT%H:%M:%SZ}", "to": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
        assert signed_in.get("/billing/ledger/export", query=query).status == 200
        (file,) = aws.files.values()
        assert read_by_beancount(file.content.decode()) == {
            "Assets:Prepaid": Decimal(2000),
            "Equity:Opening-Balances": Decimal(-1000),
            "Equity:Payments:Stripe": Decimal(-1000),
        }

    def test_nothing_is_an_empty_journal_and_backwards_is_refused(self, signed_in: Api) -> None:
        assert signed_in.get("/billing/ledger/export", query={"format": "hledger"}).status == 200
        query = {"from": "2031-05-05T00:00:00Z", "to": "2031-05-05T00:00:00Z"}
        refused = signed_in.get("/billing/ledger/export", query=query)
        assert (refused.status, refused.fields) == (400, {"to"})


def test_the_whole_ledger_is_one_journal_that_beancount_accepts(
    signed_in: Api, me: Principal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = new_id(Kind.CUSTOMER, START)
    app().core.transactor.commit(app().money.ledger.open_account(other))
    billed.invoice(me.customer_id)
    billed.pay(other)
    _transfer(other, me.customer_id, 1_234_567)
    _post(other, EntryType.REWARD, 10_000_000, Operator.REFERRALS)
    _post(other, EntryType.REWARD, -10_000_000, Operator.REFERRALS)
    _post(me.customer_id, EntryType.REWARD, 10_000_000, Operator.REFERRALS)
    _post(other, EntryType.FORFEIT, -998_765_433, Operator.FORFEITS)
    output = tmp_path / "whole.beancount"
    assert export_ledger.main(["--output", str(output)]) == 0
    balances = read_by_beancount(output.read_text())
    mine, others = (OperatorsChart().own(customer_id) for customer_id in (me.customer_id, other))
    assert balances == {
        mine: Decimal("88.765433"),  # a debt of the customer
        others: Decimal(0),
        "Assets:Gateways:Stripe": Decimal(2000),
        "Income:Usage": Decimal(-1100),
        "Income:Forfeits": Decimal("-998.765433"),
        "Expenses:Operator:Referrals": Decimal(10),
        "Equity:Transfers": Decimal(0),
    }
    assert sum(balances.values()) == 0
    assert export_ledger.main(["--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 9


def _transfer(source: str, destination: str, micros: int) -> None:
    """Move money from one customer to another; both ledgers get an entry."""
    _post(source, EntryType.TRANSFER, -micros, account_name(destination))
    _post(destination, EntryType.TRANSFER, micros, account_name(source))


def _post(customer_id: str, type_: EntryType, change_micros: int, counterpart: str) -> None:
    """Post one entry."""
    change = app().money.ledger.change(customer_id, app().core.clock.now())
    change.post(type_, change_micros, counterpart, reference="a test")
    app().core.transactor.commit(change.writes())
