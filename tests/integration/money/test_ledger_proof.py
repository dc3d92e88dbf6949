"""The proof succeeds for a correct ledger, and names every difference (G12)."""

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from chalicelib.kernel.clock import epoch_seconds, isoformat
from chalicelib.wiring.app import app
from functions.operations.proof.workers import ledger_proof
from tests.fakes.lifecycle import Installation, Region
from tests.support.aws import PlayedAws
from tests.support.clock import START, SettableClock
from tests.support.engine import Engine, Item
from tests.support.settings import TABLE_NAME
from tools import verify_ledger

pytestmark = pytest.mark.guarantee("G12")


@dataclass
class Honest:
    """The customer and the table of a correct installation, after they were built."""

    customer_id: str = ""
    ssh_key_id: str = ""
    items: Sequence[Item] = ()


@pytest.fixture(scope="module")
def honest() -> Honest:
    return Honest()


@pytest.fixture
def house(
    table: Engine,
    clock: SettableClock,
    region: Region,
    monkeypatch: pytest.MonkeyPatch,
    honest: Honest,
) -> Installation:
    """A customer with a running machine, one that is being built and one that was deleted, all metered."""
    house = Installation(table, clock, region, monkeypatch)
    if not honest.items:
        gone, _ = house.active(), house.active(api_key_id="ak_ci")
        _meter(house, 100)
        _meter(house, 30)
        house.delete(gone.id)
        house.settle()
        _meter(house, 50)
        house.create()
        honest.customer_id, honest.ssh_key_id = house.customer_id, house.ssh_key_id
        honest.items = table.items()
    house.customer_id, house.ssh_key_id = honest.customer_id, honest.ssh_key_id
    table.fresh_table()
    table.load(honest.items)
    return house


def _meter(house: Installation, seconds: int) -> None:
    house.clock.advance(seconds)
    for shard in range(16):
        app().money.metering.meter_shard(shard)


def test_g12_honest_books_prove_themselves(house: Installation) -> None:
    report = app().operations.proof.run()
    assert report.differences == ()
    assert report.holds
    totals = report.totals
    assert (totals.customers, totals.deployments, totals.open_meters, totals.holds) == (1, 3, 1, 2)
    assert totals.intervals > 3
    assert totals.customers_micros + sum(totals.operator_micros.values()) == 0
    assert set(totals.operator_micros) == {"operator:credits", "operator:usage"}


def _first(items: Sequence[Item], kind: str, **fields: str) -> Item:
    return next(
        item
        for item in items
        if item["kind"]["S"] == kind and all(item[name].get("S") == value for name, value in fields.items())
    )


Change = Callable[[Item], Item | None]
_PRICE = {"sk": "INSTANCE_TYPE#cpu-2x4"}
_SOON = epoch_seconds(START) + 60


def _number(field: str, by: int) -> Change:
    return lambda item: item | {field: {"N": str(int(item[field]["N"]) + by)}}


def _text(field: str, value: str) -> Change:
    return lambda item: item | {field: {"S": value}}


def _removed(item: Item) -> None:
    return None


@pytest.mark.parametrize(
    ("kind", "fields", "change", "sentence"),
    [
        ("ACCOUNT", {}, _number("day_posted_micros", 1), "this day"),
        ("ACCOUNT", {}, _number("month_ahead", -1), "this month"),
        ("ACCOUNT", {}, _number("month_start", 86_400), "this month"),
        ("KEY_SPENDING", {}, _number("day_posted_micros", -1), "API key"),
        ("KEY_SPENDING", {}, _removed, "API key"),
        ("ENTRY", {"type": "usage"}, _removed, "should follow"),
        ("ENTRY", {"type": "usage"}, _removed, "does not exist"),
        ("ENTRY", {"type": "usage"}, _number("amount_micros", 1), "leaves"),
        ("ENTRY", {"type": "usage"}, _number("amount_micros", 1), "is of"),
        ("ENTRY", {"type": "credit"}, _number("amount_micros", -1), "leaves"),
        ("ENTRY", {"type": "credit"}, _number("balance_after_micros", 5), "leaves"),
        ("ENTRY", {"type": "usage"}, _text("reference", "dep_other"), "has no interval"),
        ("ENTRY", {"type": "usage"}, _text("at", "2020-01-01T00:00:00.000000Z"), "is earlier"),
        ("ENTRY", {"type": "credit"}, _text("destination", "operator:usage"), "only"),
        ("ACCOUNT", {}, _number("posted_micros", 1), "posted micro-dollars"),
        ("ACCOUNT", {}, _number("posted_micros", 1), "all customers and the operator together have 1"),
        ("ACCOUNT", {}, _number("held_micros", 1), "held micro-dollars"),
        ("ACCOUNT", {}, _number("sequence", 1), "last number"),
        ("ACCOUNT", {}, _number("burn_micros_per_hour", 1), "burn per hour"),
        ("ACCOUNT", {}, _number("burn_weighted", 1), "weighted burn"),
        ("HOLD", {"purpose": "running"}, _removed, "is ACTIVE without a hold"),
        ("HOLD", {"purpose": "provisioning"}, _removed, "is REQUESTED without a hold"),
        ("HOLD", {}, _number("amount_micros", 1), "held micro-dollars"),
        ("HOLD", {"purpose": "running"}, _text("purpose", "provisioning"), "held for provisioning"),
        ("HOLD", {"purpose": "running"}, _text("sk", "HOLD#dep_nobody"), "is for no deployment there is"),
        ("METER", {}, _number("watermark", 1), "is recorded up to"),
        ("METER", {}, _number("opened_at", 1), "where"),
        ("METER", {}, _number("price_micros_per_hour", 3600), "should have"),
        ("METER", {}, _removed, "which it does not have"),
        ("METER", {}, lambda item: item | {"continues": {"BOOL": True}}, "where none before it ended"),
        ("PRICE", _PRICE, _text("history", "[[0, 32001]]"), "where 0.032001 USD was in force"),
        ("PRICE", _PRICE, _text("history", f"[[0, 32000], [{_SOON}, 1]]"), "at which its price changed"),
        ("USAGE", {}, _removed, "has no interval"),
        ("USAGE", {}, _removed, "where"),
        ("USAGE", {}, _number("amount_micros", 1), "charged"),
        ("USAGE", {}, _number("entry_sequence", 1000), "does not exist"),
        ("USAGE", {}, _number("end", 1), "where"),
        ("SLOTS", {}, _number("taken", 1), "count of deployments"),
        ("DEPLOYMENT", {"status": "ACTIVE"}, _text("status", "DELETED"), "is DELETED with 1 open meters"),
        ("DEPLOYMENT", {"status": "ACTIVE"}, _text("status", "DELETED"), "is DELETED and has"),
        ("DEPLOYMENT", {"status": "DELETED"}, _text("status", "ACTIVE"), "is ACTIVE with 0 open meters"),
        ("BOOK", {}, _text("gsi1sk", "cus_nobody"), "without an account"),
    ],
)
def test_g12_any_damage_is_named(
    house: Installation, kind: str, fields: dict[str, str], change: Change, sentence: str
) -> None:
    item = _first(house.table.items(), kind, **fields)
    changed = change(item)
    if changed is None or changed["sk"] != item["sk"]:
        house.table.client.delete_item(TableName=TABLE_NAME, Key={"pk": item["pk"], "sk": item["sk"]})
    if changed is not None:
        if kind == "BOOK":
            changed |= {"pk": {"S": "LEDGER#cus_nobody"}}
        house.table.client.put_item(TableName=TABLE_NAME, Item=changed)
    report = app().operations.proof.run()
    sentences = [found.sentence for found in report.differences]
    assert any(sentence in found for found in sentences), sentences
    assert not report.holds


def test_g12_a_meter_that_was_forgotten_open_is_named(house: Installation) -> None:
    """A deleted machine is still charged (cloudstack#6717)."""
    closed = next(item for item in house.table.items() if item["kind"]["S"] == "METER" and "closed_at" in item)
    del closed["closed_at"]
    house.table.client.put_item(TableName=TABLE_NAME, Item=closed)
    sentences = [found.sentence for found in app().operations.proof.run().differences]
    assert any("is DELETED with 1 open meters" in sentence for sentence in sentences)


def test_g12_books_that_change_while_they_are_read_are_not_suspected(house: Installation) -> None:
    """A proof finds no difference while other processes credit, deploy and meter."""
    pause = Event()

    def write() -> None:
        for written in range(8):
            app().money.ledger.credit(house.customer_id, 1, reason="one", actor_user_id="usr_x", key=f"w{written}")
            _meter(house, 1)
            house.delete(house.create().deployment.id)
            pause.wait(0.05)

    reports = []
    with ThreadPoolExecutor(1) as elsewhere:
        writing = elsewhere.submit(write)
        while not writing.done():
            reports.append(app().operations.proof.run())
        writing.result()
    assert [found for report in reports for found in report.differences] == []


def kept(house: Installation, aws: PlayedAws) -> dict[str, Any]:
    """The only report in the bucket."""
    report: dict[str, Any] = json.loads(aws.files[f"ledger-proof/{isoformat(house.clock.now())}.json"].content)
    assert len(aws.files) == 1
    return report


def test_g12_the_daily_proof_keeps_its_report_and_is_silent_when_all_is_well(
    house: Installation, aws: PlayedAws
) -> None:
    summary = ledger_proof({}, None)
    report = kept(house, aws)
    assert summary == {"customers": 1, "entries": report["totals"]["entries"], "differences": []}
    assert report["holds"] is True
    assert report["started_at"] == isoformat(house.clock.now())
    assert aws.alerts == []


def test_g12_the_daily_proof_tells_staff_of_a_difference(house: Installation, aws: PlayedAws) -> None:
    account = _first(house.table.items(), "ACCOUNT")
    house.table.client.put_item(TableName=TABLE_NAME, Item=_number("held_micros", 7)(account) or {})
    summary = ledger_proof({}, None)
    assert len(summary["differences"]) == kept(house, aws)["difference_count"] == 1
    ((subject, text),) = aws.alerts
    assert "1 differences" in subject
    assert house.customer_id in text
    assert "s3://hearth-test-reports/ledger-proof/" in text


def test_g12_the_command_prints_the_proof_for_people(
    house: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify_ledger.main([]) == 0
    printed = capsys.readouterr().out
    assert "1 customers" in printed
    assert printed.rstrip().endswith("The ledger proves itself.")

    slots = _first(house.table.items(), "SLOTS")
    house.table.client.put_item(TableName=TABLE_NAME, Item=_number("taken", 1)(slots) or {})
    assert verify_ledger.main([]) == 1
    assert f"{house.customer_id}: the account's count of deployments is" in capsys.readouterr().out
    assert verify_ledger.main(["--json"]) == 1
    assert json.loads(capsys.readouterr().out)["holds"] is False


def test_g12_the_command_finds_the_local_cloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoints = tmp_path / "endpoints.json"
    monkeypatch.setattr(os, "environ", {"AWS_PROFILE": "another", "AWS_ENDPOINT_URL_DYNAMODB": "http://another"})
    monkeypatch.setattr(verify_ledger, "_LOCAL_CLOUD", endpoints)
    assert verify_ledger.main([]) == 2
    assert "make up" in capsys.readouterr().err
    aws = {"endpoint": "http://127.0.0.1:1", "region": "eu", "accessKeyId": "id", "secretAccessKey": "secret"}
    endpoints.write_text(json.dumps({"table": "hearth-data", "aws": aws}))
    assert verify_ledger.aim_at_local_cloud(endpoints)
    assert os.environ == {
        "TABLE_NAME": "hearth-data",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_REGION": "eu",
        "AWS_DEFAULT_REGION": "eu",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }


def test_g12_the_proof_of_an_empty_installation_holds(table: Engine, clock: SettableClock) -> None:
    report = app().operations.proof.run()
    assert report.holds
    assert (report.started_at, report.totals.customers) == (START, 0)
