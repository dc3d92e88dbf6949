"""What follows from a change of the table: the stream's one reader besides the one that sends mails.

AWS advises at most two readers of a stream's shard, so this one hands each kind of item to its own handler.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.grants import START_MACHINES, TABLE_READ, TABLE_STREAM, TABLE_WRITE
from chalicelib.runtime.triggers import stream
from chalicelib.wiring.app import app

_NEW_OPERATION = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["OPERATION"]}}}}
_MONEY = {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"kind": {"S": ["ACCOUNT", "SPEND_CAPS"]}}}}
_CHANGED_TOP_UP = {"eventName": ["MODIFY"], "dynamodb": {"NewImage": {"kind": {"S": ["TOP_UP"]}}}}
_FAILED_SIGN_IN = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["FAILED_SIGN_IN"]}}}}
_PEOPLE = {
    "eventName": ["INSERT", "MODIFY"],
    "dynamodb": {"NewImage": {"kind": {"S": ["CUSTOMER", "MEMBERSHIP", "USER"]}}},
}

Image = Mapping[str, Any]


@stream(
    _NEW_OPERATION,
    _MONEY,
    _FAILED_SIGN_IN,
    _PEOPLE,
    _CHANGED_TOP_UP,
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
    app().cloud.reconciler.start(customer_id, deployment_id, operation_id)
    if image["type"]["S"] == "delete" and app().cloud.suspensions.of(customer_id) is not None:
        app().cloud.balance_watch.follow(customer_id)


def _money(image: Image) -> None:
    """Look whether zero, or a spend cap, comes earlier now, and whether machines that are off may run again."""
    app().cloud.balance_watch.follow(image["pk"]["S"].removeprefix("CUSTOMER#"))


def _failed_sign_in(image: Image) -> None:
    """Note it where its owner sees it, if the address has one."""
    app().people.failure_notes.note(image["pk"]["S"].removeprefix("FAILED_SIGN_IN#"))


def _customer(image: Image) -> None:
    """Let staff find the customer as it is now."""
    app().operations.directory_keeper.follow(image["pk"]["S"].removeprefix("CUSTOMER#"))


def _membership(image: Image) -> None:
    """Let staff find the customer by whoever belongs to it now."""
    app().operations.directory_keeper.follow(image["sk"]["S"].removeprefix("MEMBERSHIP#"))


def _user(image: Image) -> None:
    """Let staff find the user's customers by the name and the address that the user has now."""
    app().operations.directory_keeper.follow_user(image["pk"]["S"].removeprefix("USER#"))


def _top_up(image: Image) -> None:
    """Where money has come, or gone back: see whether a referral is to be rewarded, or its reward taken back."""
    if int(image["credited_micros"]["N"]):
        app().money.referrals.look(image["pk"]["S"].removeprefix("CUSTOMER#"))


_HANDLERS = {
    "OPERATION": _operation,
    "ACCOUNT": _money,
    "SPEND_CAPS": _money,
    "FAILED_SIGN_IN": _failed_sign_in,
    "CUSTOMER": _customer,
    "MEMBERSHIP": _membership,
    "USER": _user,
    "TOP_UP": _top_up,
}
