"""The queues of consumers and their dead-letter queues, through boto3, with moto as SQS."""

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from chalicelib.adapters.aws.change_queues import SqsChangeQueues
from chalicelib.adapters.aws.dead_letters import UNSENT, SqsDeadLetters, dead_letter_queues
from chalicelib.domain.foundation.changes.models import Event, Message, Subscription, read_message
from tests.support.aws import PlayedAws
from tests.support.changes import change
from tests.support.settings import value_of

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

PREFIX = value_of("QUEUE_URL_PREFIX")
PLAIN = Subscription("send_letter", ("LETTER",), (Event.INSERT,))
ORDERED = Subscription("follow_money", ("ACCOUNT",), (Event.MODIFY,), ordered=True)
GONE = Subscription("nobody", ("LETTER",), (Event.INSERT,))
IN_ORDER = {
    "FifoQueue": "true",
    "DeduplicationScope": "messageGroup",
    "FifoThroughputLimit": "perMessageGroupId",
}


@pytest.fixture
def sqs(aws: PlayedAws) -> "SQSClient":
    """An account with the queues of two consumers."""
    client = boto3.client("sqs")
    for subscription in (PLAIN, ORDERED):
        for name in (subscription.queue, subscription.dead_letters):
            attributes: Any = IN_ORDER if subscription.ordered else {}
            client.create_queue(QueueName=f"hearth-test-{name}", Attributes=attributes)
    client.create_queue(QueueName="hearth-test-unsent")
    return client


@pytest.fixture
def queues(sqs: "SQSClient") -> SqsChangeQueues:
    return SqsChangeQueues(PREFIX, f"{PREFIX}unsent")


@pytest.fixture
def dead(sqs: "SQSClient") -> SqsDeadLetters:
    notices = {"book_notice": (f"{PREFIX}notices", f"{PREFIX}dead-notices")}
    return SqsDeadLetters(dead_letter_queues(PREFIX, [PLAIN, ORDERED], notices, f"{PREFIX}unsent"))


def messages(subscription: Subscription, count: int, owner: str = "cus_1") -> list[Message]:
    found = [change(subscription.kinds[0], f"CUSTOMER#{owner}", f"SK#{number}") for number in range(count)]
    return [Message.of(one, subscription) for one in found]


def received(sqs: "SQSClient", name: str) -> list["MessageTypeDef"]:
    """Take all messages out of a queue."""
    found: list[MessageTypeDef] = []
    while answer := sqs.receive_message(
        QueueUrl=PREFIX + name, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    ).get("Messages"):
        found += answer
        for message in answer:
            sqs.delete_message(QueueUrl=PREFIX + name, ReceiptHandle=message["ReceiptHandle"])
    return found


def sks(found: list["MessageTypeDef"]) -> list[str]:
    return [read_message(message["Body"]).sk for message in found]


def bury(sqs: "SQSClient", subscription: Subscription, sent: list[Message]) -> list[str]:
    """Put messages into their consumer's dead-letter queue; return their ids in order."""
    url = PREFIX + subscription.dead_letters
    order: Any = [
        {"MessageGroupId": m.group, "MessageDeduplicationId": m.id} if subscription.ordered else {} for m in sent
    ]
    return [
        sqs.send_message(QueueUrl=url, MessageBody=message.body, **options)["MessageId"]
        for message, options in zip(sent, order, strict=True)
    ]


class TestSending:
    def test_takes_as_many_requests_as_there_are_tens(
        self, aws: PlayedAws, sqs: "SQSClient", queues: SqsChangeQueues
    ) -> None:
        assert queues.send(PLAIN, messages(PLAIN, 23)) == []
        assert [len(request["Entries"]) for request in aws.asked("SendMessageBatch")] == [10, 10, 3]
        assert sorted(sks(received(sqs, PLAIN.queue))) == sorted(f"SK#{number}" for number in range(23))

    def test_keeps_an_owners_changes_in_order_and_drops_what_is_sent_twice(
        self, sqs: "SQSClient", queues: SqsChangeQueues
    ) -> None:
        sent = messages(ORDERED, 12)
        queues.send(ORDERED, sent)
        queues.send(ORDERED, sent)  # the relay was killed, and gets its batch again
        found = received(sqs, ORDERED.queue)
        assert sks(found) == [f"SK#{number}" for number in range(12)]
        assert {message["Attributes"]["MessageGroupId"] for message in found} == {"cus_1"}

    @pytest.mark.guarantee("G39")
    def test_g39_messages_for_a_missing_queue_are_kept_with_their_consumers_name(
        self, sqs: "SQSClient", queues: SqsChangeQueues
    ) -> None:
        sent = messages(GONE, 2)
        refused = queues.send(GONE, sent)
        assert [refusal.message for refusal in refused] == sent
        assert "NonExistentQueue" in refused[0].reason
        assert queues.keep(GONE, sent) == []
        kept = [json.loads(message["Body"]) for message in received(sqs, "unsent")]
        assert [(one["consumer"], one["change"]["sk"]) for one in kept] == [("nobody", "SK#0"), ("nobody", "SK#1")]

    def test_a_message_is_postponed_and_a_failure_to_do_so_is_logged(
        self, sqs: "SQSClient", queues: SqsChangeQueues, caplog: pytest.LogCaptureFixture
    ) -> None:
        queues.send(PLAIN, messages(PLAIN, 1))
        (message,) = sqs.receive_message(QueueUrl=PREFIX + PLAIN.queue)["Messages"]
        queues.postpone(PLAIN, message["ReceiptHandle"], 0)
        assert sqs.receive_message(QueueUrl=PREFIX + PLAIN.queue)["Messages"]
        queues.postpone(PLAIN, "no receipt", 0)
        assert "send_letter: a message was not postponed" in caplog.text


class TestDeadLetters:
    def test_are_known_by_their_consumers(self, dead: SqsDeadLetters) -> None:
        assert dead.names() == ["book_notice", "follow_money", "send_letter", UNSENT]

    def test_are_counted_and_seen_where_they_stay(self, sqs: "SQSClient", dead: SqsDeadLetters) -> None:
        (letter_id,) = bury(sqs, PLAIN, messages(PLAIN, 1))
        for _ in range(2):
            (letter,) = dead.peek(PLAIN.consumer, 10)
        assert (letter.id, letter.content["sk"]) == (letter_id, "SK#0")
        assert (dead.count(PLAIN.consumer), dead.count(ORDERED.consumer)) == (1, 0)

    @pytest.mark.guarantee("G39")
    @pytest.mark.parametrize("subscription", [PLAIN, ORDERED], ids=["plain", "ordered"])
    def test_g39_are_replayed_as_they_were(
        self, sqs: "SQSClient", dead: SqsDeadLetters, subscription: Subscription
    ) -> None:
        sent = messages(subscription, 2)
        bury(sqs, subscription, sent)
        assert dead.replay(subscription.consumer, 100) == 2
        found = received(sqs, subscription.queue)
        assert [read_message(message["Body"]) for message in found] == [
            read_message(message.body) for message in sent
        ]
        assert received(sqs, subscription.dead_letters) == []
        if subscription.ordered:
            assert {message["Attributes"]["MessageGroupId"] for message in found} == {"cus_1"}

    def test_are_replayed_again_when_they_have_died_again(self, sqs: "SQSClient", dead: SqsDeadLetters) -> None:
        """A FIFO queue drops message ids of the last five minutes, so a replay uses a new id."""
        sent = messages(ORDERED, 1)
        SqsChangeQueues(PREFIX, "").send(ORDERED, sent)
        for _ in range(2):
            (found,) = received(sqs, ORDERED.queue)
            assert read_message(found["Body"]) == read_message(sent[0].body)
            sqs.send_message(
                QueueUrl=PREFIX + ORDERED.dead_letters,
                MessageBody=found["Body"],
                MessageGroupId="cus_1",
                MessageDeduplicationId=found["MessageId"],
            )
            assert dead.replay(ORDERED.consumer, 100) == 1
        assert len(received(sqs, ORDERED.queue)) == 1

    def test_are_replayed_alone_if_they_are_named(self, sqs: "SQSClient", dead: SqsDeadLetters) -> None:
        ids = bury(sqs, PLAIN, messages(PLAIN, 15))
        assert dead.replay(PLAIN.consumer, 100, {ids[3]}) == 1
        assert sks(received(sqs, PLAIN.queue)) == ["SK#3"]
        assert len(received(sqs, PLAIN.dead_letters)) == 14, "the others stayed hidden"

    def test_are_discarded_by_name(self, sqs: "SQSClient", dead: SqsDeadLetters) -> None:
        ids = bury(sqs, PLAIN, messages(PLAIN, 3))
        assert dead.discard(PLAIN.consumer, {ids[0], ids[2], "another"}) == 2
        assert sks(received(sqs, PLAIN.dead_letters)) == ["SK#1"]
        assert received(sqs, PLAIN.queue) == []

    def test_of_changes_that_were_not_sent_go_to_their_consumers(
        self, sqs: "SQSClient", queues: SqsChangeQueues, dead: SqsDeadLetters
    ) -> None:
        for subscription in (PLAIN, ORDERED):
            queues.keep(subscription, messages(subscription, 1))
        assert dead.replay(UNSENT, 100) == 2
        (plain,), (ordered,) = received(sqs, PLAIN.queue), received(sqs, ORDERED.queue)
        assert (read_message(plain["Body"]).kind, read_message(ordered["Body"]).kind) == ("LETTER", "ACCOUNT")
        assert ordered["Attributes"]["MessageGroupId"] == "cus_1"
        assert dead.count(UNSENT) == 0

    def test_of_a_queue_go_back_to_it(self, sqs: "SQSClient", dead: SqsDeadLetters) -> None:
        body = json.dumps({"gateway": "stripe", "providerId": "pi_1", "reference": None})
        sqs.send_message(QueueUrl=f"{PREFIX}dead-notices", MessageBody=body)
        assert dead.replay("book_notice", 100) == 1
        (found,) = received(sqs, "notices")
        assert json.loads(found["Body"])["providerId"] == "pi_1"
