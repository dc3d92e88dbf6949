"""Changes between the table and their consumers: messages, subscriptions, the relay, failures, dead letters."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.foundation.stream import read_change
from chalicelib.adapters.files.subscriptions import SUBSCRIPTIONS_FILE, read_subscriptions, write_subscriptions
from chalicelib.domain.foundation.changes.models import (
    MAX_FIELD_CHARACTERS,
    MAX_FIELDS,
    Change,
    DeadLetter,
    Event,
    Message,
    Refusal,
    Subscription,
    read_message,
)
from chalicelib.domain.foundation.changes.service import DeadLetterDesk, Relay
from chalicelib.kernel.errors import NotFound
from chalicelib.runtime import registry
from chalicelib.runtime.registry import Changes, Handler, subscriptions
from chalicelib.runtime.triggers import on_change
from tests.fakes.changes import MemoryDeadLetters
from tests.support.changes import Postponed, change, event_of, record_of
from tests.support.parts import give

INSERTED, MODIFIED = (Event.INSERT,), (Event.MODIFY,)
SECRET = "what nobody is to read"


def subscription(
    consumer: str, *kinds: str, on: tuple[Event, ...] = INSERTED, fields: tuple[str, ...] = ()
) -> Subscription:
    return Subscription(consumer, kinds, on, fields)


class TestMessages:
    ITEM = {  # noqa: RUF012
        "pk": {"S": "CUSTOMER#cus_1"},
        "sk": {"S": "TOP_UP#top_1"},
        "kind": {"S": "TOP_UP"},
        "status": {"S": "PAID"},
        "credited_micros": {"N": "25000000"},
        "token": {"S": SECRET},
        "details": {"M": {"a": {"S": "b"}}},
        "note": {"S": "a" * (MAX_FIELD_CHARACTERS + 1)},
    }

    def test_carry_the_keys_and_the_declared_fields(self) -> None:
        read = self.read(("status", "credited_micros"))
        assert read.fields == {"status": "PAID", "credited_micros": "25000000"}
        assert (read.kind, read.event, read.pk, read.sk) == (
            "TOP_UP",
            "INSERT",
            "CUSTOMER#cus_1",
            "TOP_UP#top_1",
        )

    @pytest.mark.guarantee("G46")
    def test_g46_carry_nothing_else(self) -> None:
        assert self.read(()).fields == {}
        assert SECRET not in self.message(("status",)).body

    def test_carry_no_long_text_and_no_map(self) -> None:
        assert self.read(("note", "details", "nothing")).fields == {}

    def test_have_a_removed_item_as_it_was(self) -> None:
        removed = read_change(record_of(self.ITEM, "REMOVE"))
        assert (removed.event, removed.fields["status"]) == (Event.REMOVE, "PAID")

    def read(self, fields: tuple[str, ...]) -> Change:
        return read_message(self.message(fields).body)

    def message(self, fields: tuple[str, ...]) -> Message:
        return Message.of(read_change(record_of(self.ITEM)), subscription("a", "TOP_UP", fields=fields))


@pytest.mark.parametrize(
    ("pk", "owner"),
    [
        ("CUSTOMER#cus_1", "cus_1"),
        ("DEPLOYMENT#cus_1#dep_1", "cus_1"),
        ("USER#usr_1", "usr_1"),
        ("STAFF", "STAFF"),
    ],
)
def test_changes_are_grouped_by_the_owner_of_the_item(pk: str, owner: str) -> None:
    changed = change("KIND", pk, "sk")
    assert changed.owner == owner
    assert Message.of(changed, subscription("a", "KIND")).group == owner


@pytest.mark.parametrize("owner", ["jürgen@example.com", "a" * 200, ""])
def test_an_owner_that_sqs_refuses_as_a_group_is_hashed(owner: str) -> None:
    group = Message.of(change("KIND", f"EMAIL#{owner}", "sk"), subscription("a", "KIND")).group
    assert len(group) == 64
    assert group.isalnum()


class TestSubscriptions:
    @pytest.mark.parametrize(
        "wrong",
        [
            lambda: subscription("a"),
            lambda: subscription("a", "KIND", on=()),
            lambda: subscription("a", "KIND", fields=tuple(f"f{n}" for n in range(MAX_FIELDS + 1))),
            lambda: Changes(Subscription("a", ("KIND",), INSERTED, ordered=True), batch_size=2),
            lambda: Changes(subscription("a", "KIND"), concurrency=1),
        ],
    )
    def test_a_subscription_that_cannot_work_is_refused(self, wrong: Callable[[], object]) -> None:
        with pytest.raises(ValueError, match=r"^a "):
            wrong()

    def test_a_package_has_them_as_they_were_declared(self, tmp_path: Path) -> None:
        (tmp_path / SUBSCRIPTIONS_FILE).parent.mkdir()
        declared = (
            Subscription("a", ("ONE", "TWO"), (Event.INSERT, Event.REMOVE), ("status",), ordered=True),
            subscription("b", "THREE"),
        )
        write_subscriptions(tmp_path, declared)
        assert read_subscriptions(tmp_path) == declared


@dataclass
class Queues:
    """`ChangeQueues` that refuse the messages of some consumers."""

    refused: Callable[[str], bool] = lambda consumer: False
    unkept: Callable[[str], bool] = lambda consumer: False
    sent: dict[str, list[str]] = field(default_factory=dict)
    kept: dict[str, list[str]] = field(default_factory=dict)

    def send(self, to: Subscription, messages: Sequence[Message]) -> Sequence[Refusal]:
        if self.refused(to.consumer):
            return [Refusal(message, "it is not there") for message in messages]
        self.sent[to.consumer] = [read_message(message.body).sk for message in messages]
        return ()

    def keep(self, to: Subscription, messages: Sequence[Message]) -> Sequence[Refusal]:
        if self.unkept(to.consumer):
            return [Refusal(message, "SQS is away") for message in messages]
        self.kept[to.consumer] = [read_message(message.body).sk for message in messages]
        return ()


class TestRelay:
    CONSUMERS = (subscription("a", "ONE"), subscription("b", "ONE", "TWO", on=(Event.INSERT, Event.MODIFY)))

    def test_sends_each_consumer_what_it_subscribes_to_in_order(self) -> None:
        queues = Queues()
        changes = [change("ONE", "X#1", "1"), change("TWO", "X#1", "2"), change("ONE", "X#1", "3", event="MODIFY")]
        relayed = Relay(self.CONSUMERS, queues).relay([*changes, change("THREE", "X#1", "4")])
        assert queues.sent == {"a": ["1"], "b": ["1", "2", "3"]}
        assert (relayed.sent, list(relayed.kept), relayed.lost) == (4, [], [])

    @pytest.mark.guarantee("G39")
    def test_g39_keeps_what_one_queue_refuses_and_serves_the_others(self) -> None:
        queues = Queues(refused=lambda consumer: consumer == "a")
        relayed = Relay(self.CONSUMERS, queues).relay([change("ONE", "X#1", "1")])
        assert (queues.sent, queues.kept) == ({"b": ["1"]}, {"a": ["1"]})
        assert [(consumer, refusal.reason) for consumer, refusal in relayed.kept] == [("a", "it is not there")]
        assert list(relayed.lost) == []

    def test_reports_changes_that_could_be_neither_sent_nor_kept(self) -> None:
        queues = Queues(refused=lambda consumer: consumer == "a", unkept=lambda consumer: True)
        lost, fine = change("ONE", "X#1", "1"), change("TWO", "X#1", "2")
        relayed = Relay(self.CONSUMERS, queues).relay([lost, fine])
        assert [(consumer, refusal.message.id) for consumer, refusal in relayed.lost] == [("a", lost.id)]

    def test_the_function_reports_them_by_their_sequence_number(self) -> None:
        from functions.operations.changes.workers import relay_changes

        queues = Queues(refused=lambda consumer: True, unkept=lambda consumer: True)
        give(foundation={"relay": Relay(self.CONSUMERS, queues)})
        item = {"pk": {"S": "X#1"}, "sk": {"S": "1"}, "kind": {"S": "ONE"}}
        records = [record_of(item | {"kind": {"S": "THREE"}}), record_of(item)]
        failed = {"itemIdentifier": records[1]["dynamodb"]["SequenceNumber"]}
        assert relay_changes({"Records": records}, None) == {"batchItemFailures": [failed]}


class TestConsumers:
    @pytest.fixture(autouse=True)
    def postponed(self, monkeypatch: pytest.MonkeyPatch) -> Postponed:
        """The pauses of failed messages. The consumers of these tests are removed from the registry."""
        monkeypatch.setattr(registry, "_functions", dict(registry._functions))
        postponed = Postponed()
        give(foundation={"change_queues": postponed})
        return postponed

    def consumer(self, seen: list[str], **options: Any) -> Handler:
        @on_change("NOTE", on="INSERT", grants=(), **options)
        def count_notes(found: Change) -> None:
            seen.append(found.sk)
            if found.sk == "poison":
                raise RuntimeError("poisoned")

        return count_notes

    def event(self, *sks: str, attempt: int = 1) -> Any:
        messages = [Message.of(change("NOTE", "CUSTOMER#cus_1", sk), subscription("a", "NOTE")) for sk in sks]
        return event_of([message.body for message in messages], attempt)

    @pytest.mark.guarantee("G39")
    def test_g39_a_poison_change_delays_no_other_of_its_batch(self, postponed: Postponed) -> None:
        seen: list[str] = []
        answer = self.consumer(seen, batch_size=10)(self.event("1", "poison", "3"), None)
        assert seen == ["1", "poison", "3"]
        assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}
        assert len(postponed.seconds) == 1

    def test_the_pause_after_a_failure_grows_until_the_last_attempt(self, postponed: Postponed) -> None:
        consumer = self.consumer([])
        for attempt in range(1, 7):
            consumer(self.event("poison", attempt=attempt), None)
        assert postponed.seconds == [1, 5, 30, 120, 0, 0]

    def test_a_message_that_cannot_be_read_fails_alone(self) -> None:
        seen: list[str] = []
        event = event_of(["{", self.event("1")["Records"][0]["body"]])
        assert self.consumer(seen)(event, None) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
        assert seen == ["1"]

    def test_a_declaration_is_all_that_a_consumer_needs(self) -> None:
        """The relay's filter, its list of consumers and the queue are derived from the registry."""
        before = subscriptions(registry._functions.values())
        self.consumer([], fields=("status",), ordered=True)
        (added,) = set(subscriptions(registry._functions.values())) - set(before)
        assert added == Subscription("count_notes", ("NOTE",), INSERTED, ("status",), ordered=True)
        assert (added.queue, added.dead_letters) == ("changes-count_notes.fifo", "dead-count_notes.fifo")


class TestDeadLetterDesk:
    LETTER = DeadLetter("5fea7756", datetime(2026, 11, 20, tzinfo=UTC), {"kind": "NOTE"})

    @pytest.fixture
    def queues(self) -> MemoryDeadLetters:
        queues = MemoryDeadLetters("update_directory", "send_letter")
        queues.dead["update_directory"].append(self.LETTER)
        return queues

    def test_counts_every_queue(self, queues: MemoryDeadLetters) -> None:
        counts = DeadLetterDesk(queues).counts()
        assert [(one.queue, one.count) for one in counts] == [("send_letter", 0), ("update_directory", 1)]

    def test_shows_replays_and_discards(self, queues: MemoryDeadLetters) -> None:
        desk = DeadLetterDesk(queues)
        assert list(desk.peek("update_directory", 10)) == [self.LETTER]
        assert desk.discard("update_directory", {"another"}) == 0
        assert desk.replay("update_directory", 10) == 1
        assert (desk.count("update_directory"), queues.replayed) == (0, [self.LETTER])

    @pytest.mark.parametrize(
        "ask",
        [
            lambda desk: desk.count("nobody"),
            lambda desk: desk.peek("nobody", 1),
            lambda desk: desk.replay("nobody", 1),
            lambda desk: desk.discard("nobody", {"1"}),
        ],
    )
    def test_knows_no_other_queue(
        self, queues: MemoryDeadLetters, ask: Callable[[DeadLetterDesk], object]
    ) -> None:
        with pytest.raises(NotFound):
            ask(DeadLetterDesk(queues))


def test_ten_of_the_largest_messages_fit_into_one_request() -> None:
    """SQS accepts 1 MiB; JSON's escape of a character outside the first plane takes twelve bytes."""
    long = {f"f{n}": "\U0001f701" * MAX_FIELD_CHARACTERS for n in range(MAX_FIELDS)}
    largest = change("KIND", "C#" + "\u00e4" * 1_000, "\u00e4" * 512, **long)
    body = Message.of(largest, subscription("a", "KIND", fields=tuple(long))).body
    assert json.loads(body)["fields"] == long
    assert len(body) * 10 < 1_048_576
