"""The processor time to relay a batch of changes; a hook in boto3 answers instead of SQS."""

import io
import json
from time import process_time
from typing import Any

from botocore.awsrequest import AWSRequest, AWSResponse, HeadersDict

from benchmarks.timing import Table, counted_calls, muted
from chalicelib.adapters.aws import clients
from chalicelib.adapters.aws.change_queues import SqsChangeQueues
from chalicelib.adapters.dynamodb.foundation.stream import read_change
from chalicelib.domain.foundation.changes.models import Event, Subscription
from chalicelib.domain.foundation.changes.service import Relay
from tests.support.changes import record_of
from tests.support.engine import Engine

_BATCH = 100
"""The relay's batch size."""
_ROUNDS = 20
_CONSUMERS = (1, 2, 4)
_ATTRIBUTES = 24
"""The number of attributes of an item, each a text of forty characters; an account has about as many."""


def run(_: Engine) -> Table:
    """Relay batches whose changes have one, two and four consumers."""
    sqs = clients.sqs()
    sqs.meta.events.register("before-send.sqs", _taken)
    records = [record_of(_item(number), "MODIFY") for number in range(_BATCH)]
    rows = []
    for consumers in _CONSUMERS:
        wanted = [Subscription(f"c{n}", ("ACCOUNT",), (Event.MODIFY,), ordered=True) for n in range(consumers)]
        relay = Relay(wanted, SqsChangeQueues("https://sqs.local/1/x-", ""))
        relay.relay([read_change(record) for record in records])
        with muted(), counted_calls() as calls:
            began = process_time()
            for _round in range(_ROUNDS):
                relayed = relay.relay([read_change(record) for record in records])
            milliseconds = (process_time() - began) / _ROUNDS * 1000
        assert relayed.sent == _BATCH * consumers, relayed
        rows.append(
            [str(consumers), f"{milliseconds:.1f}", f"{milliseconds / _BATCH:.3f}", str(len(calls) // _ROUNDS)]
        )
    sqs.meta.events.unregister("before-send.sqs", _taken)
    columns = ("consumers of each change", "ms a batch", "ms a change", "requests to SQS")
    return Table("Relaying changes", columns, rows, f"Processor time; batches of {_BATCH} changes.")


def _item(number: int) -> dict[str, Any]:
    attributes = {f"attribute_{n}": {"S": "x" * 40} for n in range(_ATTRIBUTES)}
    return {"pk": {"S": f"CUSTOMER#{number}"}, "sk": {"S": "ACCOUNT"}, "kind": {"S": "ACCOUNT"}, **attributes}


class _Body(io.BytesIO):
    """The body of an answer, as botocore reads it."""

    def stream(self, **_: Any) -> Any:
        """Yield the whole body."""
        yield self.read()


def _taken(request: AWSRequest, **_: Any) -> Any:
    """An answer of SQS that accepts every message."""
    body: Any = request.body
    entries = [
        {"Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": ""} for entry in json.loads(body)["Entries"]
    ]
    answer = json.dumps({"Successful": entries, "Failed": []}).encode()
    headers: Any = HeadersDict({"content-type": "application/x-amz-json-1.0"})
    return AWSResponse(str(request.url), 200, headers, _Body(answer))
