"""Who a request comes from, whatever it brings to show it."""

from collections.abc import Callable

from chalicelib.domain.foundation.access.key_texts import looks_like_a_key
from chalicelib.domain.foundation.access.models import Credentials, Principal
from chalicelib.domain.foundation.access.ports import Authenticator


class AnyAuthenticator:
    """`Authenticator` of an API key, or of a session's access token; builds the one that a request asks for."""

    def __init__(self, keys: Callable[[], Authenticator], sessions: Callable[[], Authenticator]) -> None:
        self._keys = keys
        self._sessions = sessions

    def authenticate(self, credentials: Credentials) -> Principal:
        """The principal behind `credentials`; see `Authenticator.authenticate`."""
        chosen = self._keys if looks_like_a_key(credentials.token) else self._sessions
        return chosen().authenticate(credentials)
