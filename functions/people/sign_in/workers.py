"""Records failed sign-ins in the activity log."""

from chalicelib.domain.foundation.changes.models import Change
from chalicelib.runtime.grants import TABLE_READ, TABLE_WRITE
from chalicelib.runtime.triggers import on_change
from chalicelib.wiring.app import app


@on_change("FAILED_SIGN_IN", on="INSERT", grants=(TABLE_READ, TABLE_WRITE))
def note_failed_sign_in(change: Change) -> None:
    """Record the failure in the activity log of the account with this address, if there is one."""
    app().people.failure_notes.note(change.pk.removeprefix("FAILED_SIGN_IN#"))
