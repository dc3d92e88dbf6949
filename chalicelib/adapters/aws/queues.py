"""`MeteringQueue` and `NoticeQueue` on SQS."""

import json

from chalicelib.adapters.aws.clients import sqs


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
