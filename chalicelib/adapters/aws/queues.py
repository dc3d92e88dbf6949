"""`MeteringQueue` and `NoticeQueue` on SQS."""

import json

from chalicelib.adapters.aws.clients import sqs


class SqsMeteringQueue:
    """Hands shards to workers, one message each."""

    def __init__(self, queue_url: str) -> None:
        self._queue_url = queue_url

    def send(self, shard: int) -> None:
        """Ask a worker to meter `shard`; see `MeteringQueue.send`."""
        sqs().send_message(QueueUrl=self._queue_url, MessageBody=json.dumps({"shard": shard}))


class SqsNoticeQueue:
    """Hands gateways' notices to the worker, one message each."""

    def __init__(self, queue_url: str) -> None:
        self._queue_url = queue_url

    def send(self, gateway: str, provider_id: str | None, reference: str | None) -> None:
        """Ask the worker to fetch; see `NoticeQueue.send`."""
        body = json.dumps({"gateway": gateway, "providerId": provider_id, "reference": reference})
        sqs().send_message(QueueUrl=self._queue_url, MessageBody=body)
