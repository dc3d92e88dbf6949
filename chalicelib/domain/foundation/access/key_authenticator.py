"""Authenticates requests that carry an API key."""

from chalicelib.domain.foundation.access.key_texts import key_id_in
from chalicelib.domain.foundation.access.models import (
    ROLE_SCOPES,
    ApiKey,
    Credentials,
    CustomerStatus,
    KeyStanding,
    Principal,
)
from chalicelib.domain.foundation.access.networks import lets_in
from chalicelib.domain.foundation.access.ports import ApiKeyRecords
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import NotFound, Unauthorized

_NOT_A_KEY = "This is no API key of ours: its checksum is wrong. Was it copied whole?"
_NO_SUCH_KEY = "This API key is not valid, or has been revoked."
_CUSTOMER_CLOSED = "The account that this API key belongs to is closed."
_GRANTER_GONE = "Whoever gave this API key its scopes does not belong to the account any more."
_OTHER_CUSTOMER = "This API key belongs to another customer than X-Customer-Id names."


class KeyAuthenticator:
    """An `Authenticator` that reads the key on each request, so that a revoked key is refused at once (G42).

    It makes two read requests: the key, then everything else that decides about it.
    """

    def __init__(self, records: ApiKeyRecords, clock: Clock, *, text_prefix: str) -> None:
        self._records = records
        self._clock = clock
        self._text_prefix = text_prefix

    def authenticate(self, credentials: Credentials) -> Principal:
        """Return the principal of `credentials`; see `Authenticator.authenticate`."""
        key = self._key(credentials.token)
        if credentials.customer_id not in {"", key.customer_id}:
            raise NotFound(_OTHER_CUSTOMER)
        standing = self._records.standing(key)
        if standing.customer_status is CustomerStatus.CLOSED:
            raise Unauthorized(_CUSTOMER_CLOSED)
        if standing.granter_role is None:
            raise Unauthorized(_GRANTER_GONE)
        is_let_in = lets_in(standing.networks, credentials.ip) and lets_in(key.networks, credentials.ip)
        if is_let_in:
            self._note_use(key)
        return _principal(key, standing, address_is_allowed=is_let_in)

    def _key(self, text: str) -> ApiKey:
        now = self._clock.now()
        key_id = key_id_in(text, self._text_prefix)
        if key_id is None:
            raise Unauthorized(_NOT_A_KEY)
        key = self._records.get(key_id)
        if key is None or not key.is_opened_by(text, now):
            raise Unauthorized(_NO_SUCH_KEY)
        if key.expires_at is not None and key.has_expired(now):
            raise Unauthorized(f"This API key has expired on {key.expires_at:%Y-%m-%d at %H:%M} UTC.")
        return key

    def _note_use(self, key: ApiKey) -> None:
        """Record the use once a day: so the day of the last use is known without a write on each call."""
        today = self._clock.now().date()
        if key.last_used_on != today:
            self._records.note_use(key, today)


def _principal(key: ApiKey, standing: KeyStanding, *, address_is_allowed: bool) -> Principal:
    """Return the principal; the key has those of its scopes that its granter still holds."""
    held = ROLE_SCOPES[standing.granter_role] if standing.granter_role else frozenset()
    return Principal(
        user_id=key.granted_by_user_id,
        session_id="",
        customer_id=key.customer_id,
        role=None,
        staff_role=None,
        api_key_id=key.id,
        key_scopes=key.granted & held,
        project_id=key.project_id,
        requests_per_minute=key.requests_per_minute,
        customer_status=standing.customer_status,
        address_is_allowed=address_is_allowed,
    )
