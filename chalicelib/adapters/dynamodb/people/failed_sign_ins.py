"""Failed sign-ins that wait to be logged."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.table import OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import delete, put
from chalicelib.domain.people.accounts.models import EmailAddress, Origin
from chalicelib.domain.people.sign_in.models import FailedSignIn
from chalicelib.kernel.clock import Clock, epoch_seconds, later
from chalicelib.kernel.transactions import Write

_KEPT_SECONDS = 24 * 3600


class FailedSignInRecord(Record, discriminator="FAILED_SIGN_IN"):
    """`FAILED_SIGN_IN#<request>` / `FAILED_SIGN_IN`: waits until a consumer of the table's stream logs it."""

    email = UnicodeAttribute()
    ip = UnicodeAttribute()
    user_agent = OptionalText()


class DynamoFailedSignIns:
    """`FailedSignIns`, one item each, which expires."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def add(self, failure: FailedSignIn) -> Write:
        """Store `failure` until it is logged."""
        record = FailedSignInRecord(
            *_key(failure.origin.request_id),
            email=failure.email,
            ip=failure.origin.ip,
            user_agent=failure.origin.user_agent or None,
            expires_at=epoch_seconds(later(self._clock.now(), _KEPT_SECONDS)),
        )
        return put(record)

    def get(self, request_id: str) -> FailedSignIn | None:
        """The failure; see `FailedSignIns.get`."""
        try:
            record = FailedSignInRecord.get(*_key(request_id), consistent_read=True)
        except FailedSignInRecord.DoesNotExist:
            return None
        origin = Origin(record.ip, record.user_agent or "", request_id)
        return FailedSignIn(EmailAddress(record.email), origin)

    def done(self, request_id: str) -> Write:
        """Delete the failure."""
        return delete(FailedSignInRecord(*_key(request_id)))


def _key(request_id: str) -> tuple[str, str]:
    return f"FAILED_SIGN_IN#{request_id}", "FAILED_SIGN_IN"
