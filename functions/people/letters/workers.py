"""Sends the mails that were asked for: the table's stream says when one is."""

from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.grants import SEND_MAIL, TABLE_READ, TABLE_STREAM, TABLE_STREAM_LIST, TABLE_WRITE
from chalicelib.runtime.observe import count, logger
from chalicelib.runtime.triggers import stream
from chalicelib.wiring.app import app

_NEW_LETTERS = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["LETTER"]}}}}


@stream(
    _NEW_LETTERS,
    grants=(TABLE_READ, TABLE_WRITE, TABLE_STREAM, TABLE_STREAM_LIST, SEND_MAIL),
    timeout_seconds=60,
)
def send_letter(image: Mapping[str, Any]) -> None:
    """Send one letter, unless it was sent or nobody needs it."""
    letter_id = image["pk"]["S"].removeprefix("LETTER#")
    outcome = app().people.correspondence.deliver(letter_id)
    count(f"letter_{outcome}")
    logger.info("letter handled", letter_id=letter_id, outcome=outcome)
