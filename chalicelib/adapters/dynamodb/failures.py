"""Failed sign-ins that wait to be noted."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.table import OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import delete, put
from chalicelib.identity.emails import EmailAddress
from chalicelib.identity.failures import FailedSignIn
from chalicelib.identity.models import Origin
from chalicelib.kernel.clock import Clock, epoch_seconds, later
from chalicelib.kernel.transactions import Write

_KEPT_SECONDS = 24 * 3600


class FailedSignInRecord(Record, discriminator="FAILED_SIGN_IN"):
    """`FAILED_SIGN_IN#<id>` / `FAILED_SIGN_IN`: waits until the table's stream has it noted."""

    email = UnicodeAttribute()
    ip = UnicodeAttribute()
    user_agent = OptionalText()
    request_id = UnicodeAttribute()


class DynamoFailedSignIns:
    """`FailedSignIns`, each on its own item, which removes itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def add(self, failure: FailedSignIn) -> Write:
        """Keep `failure`."""
        record = FailedSignInRecord(
            *_key(failure.id),
            email=failure.email,
            ip=failure.origin.ip,
            user_agent=failure.origin.user_agent or None,
            request_id=failure.origin.request_id,
            expires_at=epoch_seconds(later(self._clock.now(), _KEPT_SECONDS)),
        )
        return put(record)

    def get(self, failure_id: str) -> FailedSignIn | None:
        """The failure; see `FailedSignIns.get`."""
        try:
            record = FailedSignInRecord.get(*_key(failure_id), consistent_read=True)
        except FailedSignInRecord.DoesNotExist:
            return None
        origin = Origin(record.ip, record.user_agent or "", record.request_id)
        return FailedSignIn(failure_id, EmailAddress(record.email), origin)

    def done(self, failure_id: str) -> Write:
        """Forget the failure."""
        return delete(FailedSignInRecord(*_key(failure_id)))


def _key(failure_id: str) -> tuple[str, str]:
    return f"FAILED_SIGN_IN#{failure_id}", "FAILED_SIGN_IN"
