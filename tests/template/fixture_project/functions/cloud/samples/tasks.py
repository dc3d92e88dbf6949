"""The tasks of the state machine."""

import os
from typing import Any

from chalicelib.runtime.grants import SEND_MAIL, TABLE_READ
from chalicelib.runtime.registry import Function, Task, register

State = dict[str, Any]


class OutOfGpus(Exception):
    """A domain error that a state machine catches by its name."""


def build_machine(event: State, _context: Any) -> State:
    """Fail `failures` times with a named error."""
    if event["failures"] > event.get("attempt", 0):
        raise OutOfGpus("none left")
    return {"built": True}


def send_letter(event: State, _context: Any) -> State:
    """Send a mail."""
    import boto3

    boto3.client("ses").send_email(
        Source=os.environ["MAIL_SENDER"],
        Destination={"ToAddresses": [event["to"]]},
        Message={"Subject": {"Data": event["subject"]}, "Body": {"Text": {"Data": "Hello."}}},
    )
    return {"sent": True}


register(Function(build_machine.__name__, __name__, Task(), build_machine, (TABLE_READ,)))
register(Function(send_letter.__name__, __name__, Task(), send_letter, (SEND_MAIL,)))
