"""What spend caps need from outside."""

from typing import Protocol

from chalicelib.domain.foundation.access.api_keys import ApiKey
from chalicelib.domain.money.spending.models import Caps
from chalicelib.kernel.transactions import Write


class CapRecords(Protocol):
    """Where customers' own caps are kept."""

    def caps(self, customer_id: str) -> Caps:
        """A customer's caps, strongly consistent; none where they were never set."""
        ...

    def put_caps(self, customer_id: str, caps: Caps) -> Write:
        """Replace a customer's caps."""
        ...


class Keys(Protocol):
    """API keys."""

    def get(self, key_id: str) -> ApiKey | None:
        """A key of any customer."""
        ...


class KeyCaps(Protocol):
    """What API keys may spend."""

    def caps_of_key(self, customer_id: str, api_key_id: str) -> Caps:
        """The caps of a customer's key, strongly consistent; none where it has none, or does not exist."""
        ...
