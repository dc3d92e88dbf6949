"""What follows from a change of the table: the stream's one reader besides the one that sends mails.

AWS advises at most two readers of a stream's shard, so this one hands each kind of item to its own handler.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from collections.abc import Mapping
from typing import Any

from chalicelib import bootstrap
from chalicelib.runtime.grants import START_MACHINES, TABLE_READ, TABLE_STREAM, TABLE_WRITE
from chalicelib.runtime.triggers import stream

_NEW_OPERATION = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["OPERATION"]}}}}
_CHANGED_ACCOUNT = {"eventName": ["MODIFY"], "dynamodb": {"NewImage": {"kind": {"S": ["ACCOUNT"]}}}}

Image = Mapping[str, Any]


@stream(
    _NEW_OPERATION,
    _CHANGED_ACCOUNT,
    grants=(TABLE_READ, TABLE_WRITE, TABLE_STREAM, START_MACHINES),
    timeout_seconds=60,
)
def follow_table(image: Image) -> None:
    """Start the state machines that a new operation, or an account's next moment, needs."""
    _HANDLERS[image["kind"]["S"]](image)


def _operation(image: Image) -> None:
    """Start a new operation. A deletion may be what lets a suspended customer go on: less is to be paid for."""
    _, customer_id, deployment_id = image["pk"]["S"].split("#")
    operation_id = image["sk"]["S"].removeprefix("OPERATION#")
    bootstrap.reconciler().start(customer_id, deployment_id, operation_id)
    if image["type"]["S"] == "delete" and bootstrap.suspensions().of(customer_id) is not None:
        bootstrap.balance_watch().follow(customer_id)


def _account(image: Image) -> None:
    """Look whether zero comes earlier now, or a suspended customer has paid."""
    bootstrap.balance_watch().follow(image["pk"]["S"].removeprefix("CUSTOMER#"))


_HANDLERS = {"OPERATION": _operation, "ACCOUNT": _account}
