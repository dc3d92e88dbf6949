"""Ports of authentication, rate limits, idempotency and API keys."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from chalicelib.domain.foundation.access.models import (
    ApiKey,
    Claim,
    Credentials,
    CustomerNetworks,
    KeyStanding,
    Principal,
    Role,
    StoredAnswer,
)
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write


class Authenticator(Protocol):
    """Authenticates requests."""

    def authenticate(self, credentials: Credentials) -> Principal:
        """Return the principal of `credentials`.

        Raises:
            Unauthorized: the token is not one of ours, has expired, or was revoked.
            NotFound: the sender does not belong to the customer that the request names.
        """
        ...


class RateCounters(Protocol):
    """Counters of fixed windows."""

    def hit(self, name: str, window_start: datetime, window_seconds: int) -> int:
        """Increment the counter of `name` in the window that starts at `window_start`, and return it."""
        ...


class IdempotencyRecords(Protocol):
    """Requests with an idempotency key, stored for 24 hours (G44)."""

    def claim(self, key: str, claimant: str, fingerprint: str, now: datetime, lease_seconds: int) -> Claim:
        """Claim `key` for the request `claimant` with this fingerprint, or return the existing claim's state.

        A claim that was neither answered nor released counts as abandoned after `lease_seconds`, and the next
        request takes it over.
        """
        ...

    def answer(self, key: str, claimant: str, answer: StoredAnswer) -> None:
        """Store the answer for replays, unless another request took the claim over."""
        ...

    def release(self, key: str, claimant: str) -> None:
        """Delete the claim if it is still `claimant`'s: the request was refused and changed nothing."""
        ...


ROOM_LEFT = "api_key_room_left"
KEY_UNCHANGED = "api_key_unchanged"
RULES_UNCHANGED = "customer_networks_unchanged"
GRANTER_UNCHANGED = "granter_unchanged"


class ApiKeyRecords(Protocol):
    """Stored API keys."""

    def get(self, key_id: str) -> ApiKey | None:
        """Return the key of any customer; one strongly consistent read."""
        ...

    def standing(self, key: ApiKey) -> KeyStanding:
        """Return the other data that decides about `key`; one strongly consistent read request."""
        ...

    def all_of(self, customer_id: str) -> Sequence[ApiKey]:
        """Return every key of the customer, oldest first (strongly consistent)."""
        ...

    def list(self, customer_id: str, project_id: str, page: PageRequest) -> Page[ApiKey]:
        """Return the customer's keys, oldest first; only those of `project_id` unless that is empty."""
        ...

    def insert(self, key: ApiKey, limit: int) -> Sequence[Write]:
        """Add a key; asserts ROOM_LEFT (fewer than `limit` keys)."""
        ...

    def replace(self, key: ApiKey) -> Write:
        """Store a changed key with the next version; asserts KEY_UNCHANGED since it was read."""
        ...

    def unchanged(self, key: ApiKey) -> Write:
        """Assert KEY_UNCHANGED since it was read."""
        ...

    def remove(self, key: ApiKey) -> Sequence[Write]:
        """Delete a key, if it exists."""
        ...

    def note_use(self, key: ApiKey, day: date) -> None:
        """Record a use on `day`, unless the key is gone; never raises, as no request depends on it."""
        ...

    def same_role(self, customer_id: str, user_id: str, role: Role) -> Write:
        """Assert GRANTER_UNCHANGED: the user still has this role in the customer."""
        ...

    def networks(self, customer_id: str) -> CustomerNetworks:
        """Return the networks for all of the customer's keys (strongly consistent)."""
        ...

    def replace_networks(self, customer_id: str, networks: CustomerNetworks) -> Write:
        """Store changed networks with the next version; asserts RULES_UNCHANGED since they were read."""
        ...


class ProjectDirectory(Protocol):
    """The existing projects."""

    def has(self, customer_id: str, project_id: str) -> bool:
        """Whether the customer has this project."""
        ...


class CustomerStanding(Protocol):
    """The standing of customers."""

    def is_suspended(self, customer_id: str) -> bool:
        """Whether the customer's machines are off because its money has run out."""
        ...
