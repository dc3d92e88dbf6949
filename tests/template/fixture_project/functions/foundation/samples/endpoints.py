"""A function for each kind of trigger, except queues and tasks, which are in other areas."""

import json
import os
from typing import Any

from chalicelib.domain.foundation.changes.models import Event as ChangeEvent
from chalicelib.domain.foundation.changes.models import Subscription
from chalicelib.runtime.grants import (
    FAN_OUT_METERING,
    TABLE_READ,
    TABLE_WRITE,
    Grant,
)
from chalicelib.runtime.registry import (
    Changes,
    Function,
    Handler,
    Route,
    Schedule,
    Socket,
    Stream,
    Trigger,
    Webhook,
    register,
)

Event = dict[str, Any]

_PUSH = Grant(
    "push",
    ("execute-api:ManageConnections",),
    ("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${WebsocketAPI}/*",),
)

VERSION = 1


def _client(service: str) -> Any:
    import boto3

    return boto3.client(service)  # type: ignore[call-overload]


def _answer(value: Any) -> Event:
    headers = {"Content-Type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(value)}


def get_note(event: Event, _context: Any) -> Event:
    """Read a note; return the caller too."""
    key = {"pk": {"S": event["pathParameters"]["noteId"]}, "sk": {"S": "note"}}
    found = _client("dynamodb").get_item(TableName=os.environ["TABLE_NAME"], Key=key)
    source = event["requestContext"]["identity"]["sourceIp"]
    return _answer({"note": found.get("Item"), "version": VERSION, "source": source})


def put_note(event: Event, _context: Any) -> Event:
    """Write a note."""
    note_id = event["pathParameters"]["noteId"]
    item = {"pk": {"S": note_id}, "sk": {"S": "note"}, "kind": {"S": "NOTE"}, "text": {"S": event["body"]}}
    print(f"storing {note_id}")
    _client("dynamodb").put_item(TableName=os.environ["TABLE_NAME"], Item=item)
    return _answer({"stored": True})


def crash(_event: Event, _context: Any) -> Event:
    """Crash."""
    raise RuntimeError("a secret detail")


def overreach(_event: Event, _context: Any) -> Event:
    """Try to write without a grant for it; return the result."""
    from botocore.exceptions import ClientError

    item = {"pk": {"S": "overreach"}, "sk": {"S": "note"}}
    try:
        _client("dynamodb").put_item(TableName=os.environ["TABLE_NAME"], Item=item)
    except ClientError as error:
        return _answer({"refused": error.response["Error"]["Code"]})
    return _answer({"refused": None})


def take_payment(event: Event, _context: Any) -> Event:
    """Return the raw body."""
    return _answer({"body": event.get("body"), "path": event["rawPath"]})


def tick(event: Event, _context: Any) -> Event:
    """Return the time of the run."""
    return {"ranAt": event["time"]}


def follow_notes(event: Event, _context: Any) -> Event:
    """Fail only for poisoned notes, and report them."""
    failures = []
    for record in event["Records"]:
        text = record["dynamodb"]["NewImage"].get("text", {}).get("S", "")
        if "poison" in text:
            failures.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
            break
    return {"batchItemFailures": failures}


def count_notes(event: Event, _context: Any) -> Event:
    """Fail only for poisoned changes, and report them."""
    poisoned = [record["messageId"] for record in event["Records"] if "poison" in record["body"]]
    return {"batchItemFailures": [{"itemIdentifier": found} for found in poisoned]}


def order_notes(event: Event, context: Any) -> Event:
    """Do the same, for the changes of one owner in order."""
    return count_notes(event, context)


def connect(_event: Event, _context: Any) -> Event:
    """Accept a WebSocket."""
    return {"statusCode": 200}


def echo(event: Event, _context: Any) -> Event:
    """Send the message back over its connection."""
    context = event["requestContext"]
    endpoint = f"{os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/{context['apiId']}/{context['stage']}"
    import boto3

    gateway = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
    gateway.post_to_connection(ConnectionId=context["connectionId"], Data=event["body"].encode())
    return {"statusCode": 200}


def _declare(handler: Handler, trigger: Trigger, *grants: Grant) -> None:
    register(Function(handler.__name__, __name__, trigger, handler, grants))


_declare(get_note, Route("GET", "/notes/{noteId}", (("GET", "/v1/notes/{noteId}"),)), TABLE_READ)
_declare(put_note, Route("PUT", "/notes/{noteId}"), TABLE_READ, TABLE_WRITE)
_declare(crash, Route("POST", "/crash"))
_declare(overreach, Route("POST", "/overreach"), TABLE_READ)
_declare(take_payment, Webhook("bank_transfer"), TABLE_WRITE)
_declare(tick, Schedule("rate(5 minutes)"), FAN_OUT_METERING)
_declare(follow_notes, Stream(batch_size=5, retries=5))
_declare(count_notes, Changes(Subscription("count_notes", ("NOTE",), (ChangeEvent.INSERT,)), batch_size=10))
_declare(order_notes, Changes(Subscription("order_notes", ("NOTE",), (ChangeEvent.MODIFY,), ordered=True)))
_declare(connect, Socket("$connect"))
_declare(echo, Socket("$default"), _PUSH)
