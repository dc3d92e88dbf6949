"""Ports of spend caps."""

from typing import Protocol

from chalicelib.domain.foundation.access.models import ApiKey
from chalicelib.domain.money.spending.models import Caps
from chalicelib.kernel.transactions import Write


class CapRecords(Protocol):
    """Stores customers' own caps."""

    def caps(self, customer_id: str) -> Caps:
        """A customer's caps, strongly consistent; no caps if they were never set."""
        ...

    def put_caps(self, customer_id: str, caps: Caps) -> Write:
        """Replace a customer's caps."""
        ...


class Keys(Protocol):
    """Finds API keys."""

    def get(self, key_id: str) -> ApiKey | None:
        """The key with this id, of any customer; None if there is none."""
        ...


class KeyCaps(Protocol):
    """Finds the caps of API keys."""

    def caps_of_key(self, customer_id: str, api_key_id: str) -> Caps:
        """The caps of a customer's key, strongly consistent; no caps if it has none or does not exist."""
        ...
