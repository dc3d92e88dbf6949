"""API keys: what one is, and where they are kept."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from chalicelib.domain.foundation.access.key_texts import hash_of
from chalicelib.domain.foundation.access.models import CustomerStatus, Role, Scope
from chalicelib.domain.foundation.access.networks import NetworkRule
from chalicelib.kernel.limits import REQUESTS_PER_MINUTE
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

MAX_KEYS = 50
MAX_NAME_LENGTH = 64
MAX_REQUESTS_PER_MINUTE = 600
MAX_LIFE = timedelta(days=3650)
MAX_OVERLAP = timedelta(days=7)

ROOM_LEFT = "api_key_room_left"
KEY_UNCHANGED = "api_key_unchanged"
RULES_UNCHANGED = "customer_networks_unchanged"
GRANTER_UNCHANGED = "granter_unchanged"


@dataclass(frozen=True)
class OldSecret:
    """A secret that was replaced, and works on for a while."""

    hash: str
    ends_at: datetime
    known_to_user_id: str
    """Who answered for the key as long as this was its secret."""


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key to a customer's things. Its secret is known by its hash only."""

    id: str
    customer_id: str
    name: str
    secret_hash: str
    scopes: Sequence[str]
    """As they were asked for, wildcards and all."""
    granted: frozenset[Scope]
    """What they stood for when they were granted."""
    granted_by_user_id: str
    """Whoever gave it its scopes, or was shown its secret, last; they must hold its scopes for the key to."""
    created_at: datetime
    rules: Sequence[NetworkRule] = ()
    """Where it may be used from; everywhere where there are none."""
    requests_per_minute: int = REQUESTS_PER_MINUTE
    expires_at: datetime | None = None
    daily_spend_cap_micros: int | None = None
    """What its deployments may cost in a UTC day."""
    monthly_spend_cap_micros: int | None = None
    project_id: str = ""
    """The only project it reaches; empty where it reaches all."""
    old_secret: OldSecret | None = None
    rotated_at: datetime | None = None
    last_used_on: date | None = None
    version: int = 1

    @property
    def networks(self) -> Sequence[str]:
        """Where it may be used from, as CIDRs."""
        return [rule.cidr for rule in self.rules]

    @property
    def known_to(self) -> frozenset[str]:
        """The people who were shown a secret of it that may work."""
        return frozenset(
            {self.granted_by_user_id, *([self.old_secret.known_to_user_id] if self.old_secret else [])}
        )

    @property
    def has_spend_cap(self) -> bool:
        """Whether there is a limit to what it may spend."""
        return self.daily_spend_cap_micros is not None or self.monthly_spend_cap_micros is not None

    def has_expired(self, now: datetime) -> bool:
        """Whether its time is up."""
        return self.expires_at is not None and now >= self.expires_at

    def is_opened_by(self, text: str, now: datetime) -> bool:
        """Whether `text` is its secret, or the old one within its time; compared in constant time."""
        shown = hash_of(text)
        is_current = hmac.compare_digest(shown, self.secret_hash)
        old = self.old_secret
        return is_current or (old is not None and now < old.ends_at and hmac.compare_digest(shown, old.hash))


@dataclass(frozen=True)
class NewKey:
    """A key with its text, which is shown this once."""

    key: ApiKey
    text: str


@dataclass(frozen=True, kw_only=True)
class KeyWish:
    """What somebody wants of a new key."""

    name: str
    scopes: Sequence[str]
    cidrs: Sequence[str] = ()
    requests_per_minute: int = REQUESTS_PER_MINUTE
    expires_at: datetime | None = None
    daily_spend_cap_micros: int | None = None
    monthly_spend_cap_micros: int | None = None
    project_id: str = ""


KeyChanges = Mapping[str, Any]
"""New values for some of what a `KeyWish` has, except its scopes and its networks, by name."""


@dataclass(frozen=True)
class KeyStanding:
    """What the table says right now about those on whom a key depends."""

    customer_status: CustomerStatus
    granter_role: Role | None
    networks: Sequence[str]
    """Where any key of the customer may be used from."""


@dataclass(frozen=True)
class CustomerNetworks:
    """Where a customer's keys may be used from, all of them."""

    rules: Sequence[NetworkRule] = ()
    version: int = 0

    @property
    def cidrs(self) -> Sequence[str]:
        """The same as CIDRs."""
        return [rule.cidr for rule in self.rules]


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
