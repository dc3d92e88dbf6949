"""Authenticates a request by whichever credentials it carries."""

from collections.abc import Callable

from chalicelib.domain.foundation.access.key_texts import looks_like_a_key
from chalicelib.domain.foundation.access.models import Credentials, Principal
from chalicelib.domain.foundation.access.ports import Authenticator


class AnyAuthenticator:
    """An `Authenticator` for API keys and access tokens; builds only the one that a request needs."""

    def __init__(self, keys: Callable[[], Authenticator], sessions: Callable[[], Authenticator]) -> None:
        self._keys = keys
        self._sessions = sessions

    def authenticate(self, credentials: Credentials) -> Principal:
        """Return the principal of `credentials`; see `Authenticator.authenticate`."""
        chosen = self._keys if looks_like_a_key(credentials.token) else self._sessions
        return chosen().authenticate(credentials)
