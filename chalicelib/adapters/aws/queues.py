"""`MeteringQueue`, `NoticeQueue` and `DeadNotices` with SQS."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.adapters.aws.clients import sqs
from chalicelib.domain.money.top_ups.models import DeadNotice

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageTypeDef

_MAX_MESSAGES = 10  # SQS: ReceiveMessage returns at most ten
_REPLAY_SECONDS = 60


class SqsMeteringQueue:
    """Queues shards for workers, one message each."""

    def __init__(self, queue_url: str) -> None:
        self._queue_url = queue_url

    def send(self, shard: int, *, delay_seconds: int = 0) -> None:
        """Ask a worker to meter `shard`; see `MeteringQueue.send`."""
        body = json.dumps({"shard": shard})
        sqs().send_message(QueueUrl=self._queue_url, MessageBody=body, DelaySeconds=delay_seconds)


class SqsNoticeQueue:
    """Queues gateways' notices for the worker, one message each."""

    def __init__(self, queue_url: str) -> None:
        self._queue_url = queue_url

    def send(self, gateway: str, provider_id: str | None, reference: str | None) -> None:
        """Ask the worker to fetch an object; see `NoticeQueue.send`."""
        body = json.dumps({"gateway": gateway, "providerId": provider_id, "reference": reference})
        sqs().send_message(QueueUrl=self._queue_url, MessageBody=body)


class SqsDeadNotices:
    """The dead-letter queue of the notice queue."""

    def __init__(self, dead_letters_url: str, queue_url: str) -> None:
        self._dead_letters_url = dead_letters_url
        self._queue_url = queue_url

    def count(self) -> int:
        """The approximate number of dead notices; see `DeadNotices.count`."""
        answer = sqs().get_queue_attributes(
            QueueUrl=self._dead_letters_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def peek(self, most: int) -> Sequence[DeadNotice]:
        """Some dead notices, which stay visible to other receivers; see `DeadNotices.peek`."""
        return [_dead(message) for message in self._receive(min(most, _MAX_MESSAGES), hidden_seconds=0)]

    def replay(self, most: int) -> int:
        """Queue some again: a message is sent before it is deleted, so that none is lost; see
        `DeadNotices.replay`.
        """
        replayed = 0
        while replayed < most:
            found = self._receive(min(most - replayed, _MAX_MESSAGES), hidden_seconds=_REPLAY_SECONDS)
            if not found:
                break
            for message in found:
                sqs().send_message(QueueUrl=self._queue_url, MessageBody=message["Body"])
                sqs().delete_message(QueueUrl=self._dead_letters_url, ReceiptHandle=message["ReceiptHandle"])
                replayed += 1
        return replayed

    def _receive(self, most: int, *, hidden_seconds: int) -> "Sequence[MessageTypeDef]":
        answer = sqs().receive_message(
            QueueUrl=self._dead_letters_url,
            MaxNumberOfMessages=most,
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=1,  # long polling asks all of SQS's servers, not a sample
        )
        return answer.get("Messages", [])


def _dead(message: "MessageTypeDef") -> DeadNotice:
    body = json.loads(message["Body"])
    return DeadNotice(body["gateway"], body["providerId"], body["reference"])
