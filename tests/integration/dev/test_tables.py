"""Each DynamoDB engine that runs here does what the tests need."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import programs
from tests.support.engine import Engine, Snapshot, running_engine
from tests.support.settings import TABLE_NAME

THREADS = 8
KEY = {"pk": {"S": "COUNTER"}, "sk": {"S": "A"}}


def _here() -> list[programs.Program]:
    binary = programs.installed_binary()
    return [programs.ministack(), *([programs.dynoxide(binary)] if binary else [])]


@pytest.fixture(scope="module", params=_here(), ids=lambda program: program.name)
def running(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with running_engine(request.param) as engine:
        yield engine


@pytest.fixture
def engine(running: Engine) -> Engine:
    running.fresh_table()
    return running


def _count(engine: Engine, expected: int, token: str | None = None) -> bool:
    """Increment the counter and write a marker item, if the counter still is `expected`."""
    raised = {
        "TableName": TABLE_NAME,
        "Key": KEY,
        "UpdateExpression": "SET n = :next",
        "ConditionExpression": "n = :now",
        "ExpressionAttributeValues": {":now": {"N": str(expected)}, ":next": {"N": str(expected + 1)}},
    }
    witness = {"TableName": TABLE_NAME, "Item": {"pk": {"S": "WITNESS"}, "sk": {"S": str(expected)}}}
    more = {"ClientRequestToken": token} if token else {}
    try:
        engine.client.transact_write_items(TransactItems=[{"Update": raised}, {"Put": witness}], **more)  # type: ignore[arg-type,typeddict-item]
    except engine.client.exceptions.TransactionCanceledException:
        return False
    return True


def test_of_many_transactions_on_one_state_one_is_done_whole(engine: Engine) -> None:
    engine.load([{**KEY, "n": {"N": "0"}}])
    with ThreadPoolExecutor(THREADS) as pool:
        for round_ in range(5):
            done = list(pool.map(lambda _, now=round_: _count(engine, now), range(THREADS)))
            assert done.count(True) == 1
    items = engine.items()
    assert [item["n"]["N"] for item in items if item["pk"]["S"] == "COUNTER"] == ["5"]
    assert len(items) == 1 + 5


def test_a_transaction_that_is_sent_again_under_its_token_is_done_once(engine: Engine) -> None:
    engine.load([{**KEY, "n": {"N": "0"}}])
    assert _count(engine, 0, token="once")
    assert _count(engine, 0, token="once")
    assert not _count(engine, 0, token="another")


def test_a_stream_tells_of_changes_in_their_order_with_both_images(engine: Engine) -> None:
    engine.load([{**KEY, "n": {"N": "0"}}])
    stream = engine.follow()
    assert stream.records() == []
    engine.load([{**KEY, "n": {"N": "1"}}])
    engine.remove([KEY])
    changed, removed = (record["dynamodb"] for record in stream.records())
    assert (changed["OldImage"]["n"], changed["NewImage"]["n"]) == ({"N": "0"}, {"N": "1"})
    assert removed["OldImage"]["n"] == {"N": "1"}
    assert "NewImage" not in removed
    assert stream.records() == []


def test_a_fresh_table_is_empty_and_so_is_its_stream(engine: Engine) -> None:
    engine.follow()
    engine.load([{**KEY, "n": {"N": "0"}}])
    engine.fresh_table()
    assert engine.items() == []
    stream = engine.follow()
    engine.load([{**KEY, "n": {"N": "1"}}])
    assert [record["eventName"] for record in stream.records()] == ["INSERT"]


def test_a_snapshot_brings_the_table_back(engine: Engine) -> None:
    engine.load([{**KEY, "n": {"N": str(number)}, "sk": {"S": str(number)}} for number in range(60)])
    before = engine.items()
    snapshot = Snapshot(engine)
    engine.remove(before[:10])
    engine.load([{**before[20], "n": {"N": "7000"}}, {**KEY, "sk": {"S": "new"}}])
    assert len(snapshot.changes()) == 12
    snapshot.restore()
    assert engine.items() == before
    engine.fresh_table()
    snapshot.restore()
    assert engine.items() == before
