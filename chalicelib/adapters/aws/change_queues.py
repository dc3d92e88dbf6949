"""`ChangeQueues` with SQS: a queue for each consumer, and one for messages that those refused."""

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.aws.clients import sqs
from chalicelib.domain.foundation.changes.models import Message, Refusal, Subscription

_MOST_MESSAGES = 10  # SQS: SendMessageBatch takes at most ten

_log = logging.getLogger(__name__)


class SqsChangeQueues:
    """Sends messages in batches of ten. A queue's URL is the installation's prefix and the consumer's name."""

    def __init__(self, queue_url_prefix: str, unsent_url: str) -> None:
        self._prefix = queue_url_prefix
        self._unsent_url = unsent_url
        self._sqs = sqs()  # made before threads use it: boto3 makes no two clients at once

    def send(self, subscription: Subscription, messages: Sequence[Message]) -> Sequence[Refusal]:
        """Send to the consumer's queue; see `ChangeQueues.send`."""

        def plain(message: Message) -> dict[str, str]:
            return {"MessageBody": message.body}

        def in_order(message: Message) -> dict[str, str]:
            """SQS keeps a group in order, and drops a message that the relay sends twice."""
            return plain(message) | {"MessageGroupId": message.group, "MessageDeduplicationId": message.id}

        return self._send(self._prefix + subscription.queue, messages, in_order if subscription.ordered else plain)

    def keep(self, subscription: Subscription, messages: Sequence[Message]) -> Sequence[Refusal]:
        """Send to the queue of refused messages; see `ChangeQueues.keep`."""

        def kept(message: Message) -> dict[str, str]:
            change = json.loads(message.body)
            content = {"consumer": subscription.consumer, "group": message.group, "change": change}
            return {"MessageBody": json.dumps(content)}

        return self._send(self._unsent_url, messages, kept)

    def postpone(self, subscription: Subscription, receipt: str, seconds: int) -> None:
        """Deliver a message that its consumer could not process again after `seconds`.

        If this call fails, SQS delivers the message again after the queue's visibility timeout.
        """
        url = self._prefix + subscription.queue
        try:
            self._sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=seconds)
        except (BotoCoreError, ClientError) as error:
            _log.warning("%s: a message was not postponed: %s", subscription.consumer, error)

    def _send(
        self, url: str, messages: Sequence[Message], written: Callable[[Message], dict[str, str]]
    ) -> Sequence[Refusal]:
        """Send messages as they are `written`; return those that were refused."""
        refused: list[Refusal] = []
        for start in range(0, len(messages), _MOST_MESSAGES):
            batch = messages[start : start + _MOST_MESSAGES]
            entries: Any = [{"Id": str(number), **written(message)} for number, message in enumerate(batch)]
            try:
                answer = self._sqs.send_message_batch(QueueUrl=url, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                refused += [Refusal(message, str(error)) for message in batch]
                continue
            refused += [
                Refusal(batch[int(failed["Id"])], f"{failed['Code']}: {failed.get('Message', '')}")
                for failed in answer.get("Failed", ())
            ]
        return refused
