"""Sends letters."""

from chalicelib.domain.foundation.changes.models import Change
from chalicelib.runtime.grants import SEND_MAIL, TABLE_READ, TABLE_WRITE
from chalicelib.runtime.observe import count, logger
from chalicelib.runtime.triggers import on_change
from chalicelib.wiring.app import app


@on_change("LETTER", on="INSERT", grants=(TABLE_READ, TABLE_WRITE, SEND_MAIL), timeout_seconds=60)
def send_letter(change: Change) -> None:
    """Send one letter, unless it was already sent or is no longer needed."""
    letter_id = change.pk.removeprefix("LETTER#")
    outcome = app().people.correspondence.deliver(letter_id)
    count(f"letter_{outcome}")
    logger.info("letter handled", letter_id=letter_id, outcome=outcome)
