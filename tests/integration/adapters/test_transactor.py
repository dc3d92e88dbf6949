"""The transactor commits all or nothing, on an engine with real transactions."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.table import IntegerAttribute, Record
from chalicelib.adapters.dynamodb.transactor import DynamoTransactor, check, delete, insert, put, update
from chalicelib.kernel.limits import MAX_TRANSACTION_WRITES
from chalicelib.kernel.transactions import ConditionFailed, TransactionContended, with_fresh_reads
from tests.support.engine import Engine


class PurseRecord(Record, discriminator="TEST_PURSE"):
    """An item with an amount."""

    amount = IntegerAttribute()


class NoteRecord(Record, discriminator="TEST_NOTE"):
    """An item with a text."""

    text = UnicodeAttribute()


@pytest.fixture
def transactor(table: Engine) -> DynamoTransactor:
    return DynamoTransactor()


def purse(name: str, amount: int = 0) -> PurseRecord:
    return PurseRecord(f"PURSE#{name}", "PURSE", amount=amount)


def note(name: str, text: str = "") -> NoteRecord:
    return NoteRecord(f"NOTE#{name}", "NOTE", text=text)


def amount_of(name: str) -> int:
    return PurseRecord.get(f"PURSE#{name}", "PURSE", consistent_read=True).amount


def test_every_kind_of_write_is_applied_together(transactor: DynamoTransactor) -> None:
    transactor.commit([insert(purse("a", 5), "new"), put(note("old", "x")), insert(purse("kept", 1), "new")])
    transactor.commit(
        [
            update(purse("a"), [PurseRecord.amount.add(2)], PurseRecord.amount == 5, "five"),
            insert(note("b", "y"), "free"),
            delete(note("old"), NoteRecord.text == "x", "unchanged"),
            check(purse("kept"), PurseRecord.amount == 1, "kept"),
        ]
    )
    assert amount_of("a") == 7
    assert NoteRecord.get("NOTE#b", "NOTE").text == "y"
    assert NoteRecord.count("NOTE#old") == 0


@pytest.mark.parametrize("position", range(4))
def test_one_failed_condition_undoes_all_and_is_named(
    transactor: DynamoTransactor, table: Engine, position: int
) -> None:
    transactor.commit([insert(purse(name, 1), "new") for name in "abcd"])
    before = table.items()
    wanted = [1, 1, 1, 1]
    wanted[position] = 2
    writes = [
        update(purse("a"), [PurseRecord.amount.add(1)], PurseRecord.amount == wanted[0], "update"),
        put(purse("b", 9), PurseRecord.amount == wanted[1], "put"),
        delete(purse("c"), PurseRecord.amount == wanted[2], "delete"),
        check(purse("d"), PurseRecord.amount == wanted[3], "check"),
    ]
    with pytest.raises(ConditionFailed) as failed:
        transactor.commit(writes)
    assert failed.value.asserts == {("update", "put", "delete", "check")[position]}
    assert table.items() == before


def test_all_failed_conditions_are_named(transactor: DynamoTransactor) -> None:
    transactor.commit([insert(purse("a"), "new"), insert(purse("b"), "new")])
    with pytest.raises(ConditionFailed) as failed:
        transactor.commit([insert(purse("b"), "second"), insert(purse("a"), "first"), insert(purse("c"), "third")])
    assert failed.value.asserts == {"first", "second"}


def test_a_transaction_is_neither_empty_nor_larger_than_dynamodb_takes(transactor: DynamoTransactor) -> None:
    for count in (0, MAX_TRANSACTION_WRITES + 1):
        with pytest.raises(ValueError, match="writes"):
            transactor.commit([insert(purse(str(number)), "new") for number in range(count)])
    transactor.commit([insert(purse(str(number)), "new") for number in range(MAX_TRANSACTION_WRITES)])


def test_writes_of_another_adapter_are_refused(transactor: DynamoTransactor) -> None:
    class Foreign:
        asserts = ""

    with pytest.raises(TypeError):
        transactor.commit([Foreign()])


@pytest.mark.guarantee("G07")
def test_g07_sixteen_writers_never_spend_more_than_there_is(transactor: DynamoTransactor) -> None:
    """Check and change are one conditional write: of 48 attempts to take 1 from 20, exactly 20 succeed."""
    transactor.commit([insert(purse("shared", 20), "new")])

    refusals: list[frozenset[str]] = []

    def take(number: int) -> bool:
        try:
            transactor.commit(
                [
                    update(purse("shared"), [PurseRecord.amount.add(-1)], PurseRecord.amount >= 1, "enough"),
                    insert(note(f"taken-{number}"), "once"),
                ]
            )
        except ConditionFailed as failed:
            refusals.append(failed.asserts)
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        taken = [number for number, done in enumerate(pool.map(take, range(48))) if done]
    assert len(taken) == 20
    assert refusals == [{"enough"}] * 28
    assert amount_of("shared") == 0
    assert [NoteRecord.count(f"NOTE#taken-{number}") for number in taken] == [1] * 20


def test_optimistic_changes_are_all_made_in_the_end(transactor: DynamoTransactor) -> None:
    """Each writer reads, decides, and writes on condition that the item has not changed."""
    transactor.commit([insert(purse("shared", 0), "new")])

    def add_one(_: int) -> None:
        def change() -> None:
            found = amount_of("shared")
            unchanged = PurseRecord.amount == found
            transactor.commit([update(purse("shared"), [PurseRecord.amount.set(found + 1)], unchanged, "read")])

        with_fresh_reads(change, stale=frozenset({"read"}))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add_one, range(24)))
    assert amount_of("shared") == 24


def test_an_assertion_that_is_not_about_freshness_is_raised_at_once() -> None:
    runs = []

    def change() -> None:
        runs.append(1)
        raise ConditionFailed("read", "enough")

    with pytest.raises(ConditionFailed):
        with_fresh_reads(change, stale=frozenset({"read"}))
    assert len(runs) == 1


def test_a_writer_that_is_always_slower_gets_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.kernel.transactions._MAX_DELAY_SECONDS", 0)

    def change() -> None:
        raise ConditionFailed("read")

    with pytest.raises(TransactionContended, match="read"):
        with_fresh_reads(change, stale=frozenset({"read"}))
