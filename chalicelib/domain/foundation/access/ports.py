"""What the door needs from outside."""

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
    """Knows who a request comes from."""

    def authenticate(self, credentials: Credentials) -> Principal:
        """The principal behind `credentials`.

        Raises:
            Unauthorized: the token is not one of ours, has ended, or was revoked.
            NotFound: the customer that the request names is none of the sender's.
        """
        ...


class RateCounters(Protocol):
    """Counts in fixed windows."""

    def hit(self, name: str, window_start: datetime, window_seconds: int) -> int:
        """Count one more for `name` in the window that starts at `window_start`; the new count."""
        ...


class IdempotencyRecords(Protocol):
    """Requests that were made with an Idempotency-Key, kept for 24 hours (G44)."""

    def claim(self, key: str, claimant: str, fingerprint: str, now: datetime, lease_seconds: int) -> Claim:
        """Take `key` for the request `claimant` with this fingerprint, or say what became of it.

        A claim that was neither answered nor released counts as abandoned after `lease_seconds`,
        and the next request takes it over.
        """
        ...

    def answer(self, key: str, claimant: str, answer: StoredAnswer) -> None:
        """Keep the answer for replays, unless another request has taken the claim over."""
        ...

    def release(self, key: str, claimant: str) -> None:
        """Forget the claim, as long as it is `claimant`'s: the request was refused and changed nothing."""
        ...


ROOM_LEFT = "api_key_room_left"
KEY_UNCHANGED = "api_key_unchanged"
RULES_UNCHANGED = "customer_networks_unchanged"
GRANTER_UNCHANGED = "granter_unchanged"


class ApiKeyRecords(Protocol):
    """Where keys are kept."""

    def get(self, key_id: str) -> ApiKey | None:
        """The key, whose ever it is; one strongly consistent read."""
        ...

    def standing(self, key: ApiKey) -> KeyStanding:
        """What else decides about a request with `key`; one strongly consistent read request."""
        ...

    def all_of(self, customer_id: str) -> Sequence[ApiKey]:
        """Every key of the customer, oldest first, strongly consistent."""
        ...

    def list(self, customer_id: str, project_id: str, page: PageRequest) -> Page[ApiKey]:
        """The customer's keys, oldest first; only those of a project where one is named."""
        ...

    def insert(self, key: ApiKey, limit: int) -> Sequence[Write]:
        """Keep a new key; asserts ROOM_LEFT below `limit`."""
        ...

    def replace(self, key: ApiKey) -> Write:
        """Keep a change, as the next version; asserts KEY_UNCHANGED since it was read."""
        ...

    def unchanged(self, key: ApiKey) -> Write:
        """Assert KEY_UNCHANGED since it was read."""
        ...

    def remove(self, key: ApiKey) -> Sequence[Write]:
        """Forget a key, if it is still there."""
        ...

    def note_use(self, key: ApiKey, day: date) -> None:
        """Remember that it was used on `day`, unless it is gone; never raises: no request depends on it."""
        ...

    def same_role(self, customer_id: str, user_id: str, role: Role) -> Write:
        """Assert GRANTER_UNCHANGED: the user still has this role in the customer."""
        ...

    def networks(self, customer_id: str) -> CustomerNetworks:
        """Where the customer's keys may be used from, strongly consistent."""
        ...

    def replace_networks(self, customer_id: str, networks: CustomerNetworks) -> Write:
        """Keep a change, as the next version; asserts RULES_UNCHANGED since they were read."""
        ...


class ProjectDirectory(Protocol):
    """Knows which projects there are."""

    def has(self, customer_id: str, project_id: str) -> bool:
        """Whether the customer has this project."""
        ...


class CustomerStanding(Protocol):
    """Whether customers are in good standing."""

    def is_suspended(self, customer_id: str) -> bool:
        """Whether the customer's machines are switched off because its money has run out."""
        ...
