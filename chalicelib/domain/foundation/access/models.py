"""Scopes, roles, principals and API keys, and the stored answers of requests."""

import hmac
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.limits import REQUESTS_PER_MINUTE


class Scope(StrEnum):
    """A permission that an endpoint demands; a session has those of its role, a key those it was granted."""

    DEPLOYMENTS_READ = "deployments:read"
    DEPLOYMENTS_WRITE = "deployments:write"
    SSH_KEYS_READ = "ssh-keys:read"
    SSH_KEYS_WRITE = "ssh-keys:write"
    BILLING_READ = "billing:read"
    BILLING_WRITE = "billing:write"
    BILLING_PROFILE_READ = "billing-profile:read"
    BILLING_PROFILE_WRITE = "billing-profile:write"
    ACTIVITY_READ = "activity:read"
    API_KEYS_READ = "api-keys:read"
    API_KEYS_WRITE = "api-keys:write"
    PROJECTS_READ = "projects:read"
    PROJECTS_WRITE = "projects:write"
    REFERRAL_READ = "referral:read"
    REFERRAL_WRITE = "referral:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    CUSTOMER_READ = "customer:read"
    CUSTOMER_WRITE = "customer:write"
    CUSTOMER_CLOSE = "customer:close"
    """Closing the account, and transferring its ownership."""
    STAFF_CREDITS_WRITE = "staff.credits:write"
    STAFF_CUSTOMERS_READ = "staff.customers:read"
    STAFF_CUSTOMERS_WRITE = "staff.customers:write"
    STAFF_MEMBERS_READ = "staff.members:read"
    STAFF_MEMBERS_WRITE = "staff.members:write"
    STAFF_OPERATIONS_READ = "staff.operations:read"
    """Reading failed work of all customers."""
    STAFF_OPERATIONS_WRITE = "staff.operations:write"
    STAFF_PAYMENTS_READ = "staff.payments:read"
    STAFF_PAYMENTS_WRITE = "staff.payments:write"
    STAFF_RATES_READ = "staff.rates:read"
    STAFF_RATES_WRITE = "staff.rates:write"
    STAFF_REFUNDS_READ = "staff.refunds:read"
    STAFF_REFUNDS_WRITE = "staff.refunds:write"
    STAFF_APPROVALS_READ = "staff.approvals:read"
    STAFF_APPROVALS_WRITE = "staff.approvals:write"

    @property
    def staff_only(self) -> bool:
        """Whether only the operator's staff can hold it."""
        return self.startswith("staff.")


class Role(StrEnum):
    """The role that a membership gives a user in a customer."""

    OWNER = "owner"
    ADMIN = "admin"
    BILLING = "billing"
    DEVELOPER = "developer"
    VIEWER = "viewer"


class CustomerStatus(StrEnum):
    """Whether a customer may use its account."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    """Blocked by the operator: its members may still read, pay, and delete machines; its keys may do nothing."""
    CLOSED = "CLOSED"


class StaffRole(StrEnum):
    """The roles of the operator's staff."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MANAGER = "MANAGER"
    SUPPORT = "SUPPORT"


_TECHNICAL_READS = frozenset(
    {
        Scope.ACTIVITY_READ,
        Scope.CUSTOMER_READ,
        Scope.DEPLOYMENTS_READ,
        Scope.MEMBERS_READ,
        Scope.PROJECTS_READ,
        Scope.SSH_KEYS_READ,
    }
)
_BILLING_READS = frozenset({Scope.BILLING_READ, Scope.BILLING_PROFILE_READ, Scope.REFERRAL_READ})
_BILLING_WRITES = frozenset({Scope.BILLING_WRITE, Scope.BILLING_PROFILE_WRITE, Scope.REFERRAL_WRITE})
_DEVELOPING = frozenset(
    {
        Scope.API_KEYS_READ,
        Scope.API_KEYS_WRITE,
        Scope.DEPLOYMENTS_WRITE,
        Scope.PROJECTS_WRITE,
        Scope.SSH_KEYS_WRITE,
    }
)
_ALL = frozenset(scope for scope in Scope if not scope.staff_only)

ROLE_SCOPES: MappingProxyType[Role, frozenset[Scope]] = MappingProxyType(
    {
        Role.OWNER: _ALL,
        Role.ADMIN: _ALL - {Scope.CUSTOMER_CLOSE},
        Role.BILLING: _TECHNICAL_READS | _BILLING_READS | _BILLING_WRITES,
        Role.DEVELOPER: _TECHNICAL_READS | _DEVELOPING,
        Role.VIEWER: _TECHNICAL_READS,
    }
)
"""The scopes of each role in a customer."""

_STAFF_ALL = frozenset(scope for scope in Scope if scope.staff_only)

STAFF_SCOPES: MappingProxyType[StaffRole, frozenset[Scope]] = MappingProxyType(
    {
        StaffRole.OWNER: _STAFF_ALL,
        StaffRole.ADMIN: _STAFF_ALL - {Scope.STAFF_MEMBERS_WRITE},
        StaffRole.MANAGER: frozenset(
            {Scope.STAFF_CUSTOMERS_READ, Scope.STAFF_CUSTOMERS_WRITE, Scope.STAFF_MEMBERS_READ}
        ),
        StaffRole.SUPPORT: frozenset({Scope.STAFF_CUSTOMERS_READ}),
    }
)
"""The scopes of each role in the staff: the owner also manages the staff, and a manager sees no billing."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The credentials of a request."""

    token: str
    """An access token, or an API key."""
    ip: str
    """The source address that API Gateway saw."""
    customer_id: str = ""
    """The customer named by the request, instead of the session's own; never set with `wants_staff`."""
    wants_staff: bool = False
    """Whether the request needs rights of the staff: then the sender's staff role counts, not a membership."""


@dataclass(frozen=True)
class Principal:
    """The authenticated sender of a request: a user in a session, or an API key."""

    user_id: str
    """The user of a session; for a key, the user who granted its scopes."""
    session_id: str
    """Empty for a key."""
    customer_id: str
    """The customer acted for; empty for staff without a customer of their own."""
    role: Role | None
    staff_role: StaffRole | None
    has_second_factor: bool = False
    """Whether the session was opened with a second factor."""
    api_key_id: str = ""
    key_scopes: frozenset[Scope] = frozenset()
    """The scopes that the key was granted."""
    project_id: str = ""
    """The only project that the key may access; empty means all of the customer's."""
    requests_per_minute: int = REQUESTS_PER_MINUTE
    customer_status: CustomerStatus = CustomerStatus.ACTIVE
    """The status of the customer acted for."""
    address_is_allowed: bool = True
    """Whether the key may be used from the request's address."""

    @property
    def actor_id(self) -> str:
        """The id of the actor: of the key, or of the user."""
        return self.api_key_id or self.user_id

    @property
    def limited_as(self) -> str:
        """The name of the counter for the rate limit (G45)."""
        return f"key:{self.api_key_id}" if self.api_key_id else f"session:{self.session_id}"

    @property
    def scopes(self) -> frozenset[Scope]:
        """All scopes of this principal."""
        if self.api_key_id:
            return self.key_scopes
        own = ROLE_SCOPES[self.role] if self.role else frozenset()
        return (own | self._staff_scopes) if self.has_second_factor else own

    def lacks_second_factor_for(self, scope: Scope) -> bool:
        """Whether the principal lacks only a second factor for `scope`: staff scopes need one."""
        return not self.has_second_factor and not self.api_key_id and scope in self._staff_scopes

    @property
    def _staff_scopes(self) -> frozenset[Scope]:
        return STAFF_SCOPES[self.staff_role] if self.staff_role else frozenset()


@dataclass(frozen=True)
class StoredAnswer:
    """An answer stored for replay."""

    status: int
    body: str


class ClaimState(StrEnum):
    """The state of an idempotency key."""

    FIRST = "first"
    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    OTHER_REQUEST = "other_request"


@dataclass(frozen=True)
class Claim:
    """The result of claiming an idempotency key; `answer` is set if the request was answered before."""

    state: ClaimState
    answer: StoredAnswer | None = None


class StaffStatus(StrEnum):
    """Whether a membership of the staff is in force."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


MAX_REQUESTS_PER_MINUTE = 600


@dataclass(frozen=True)
class NetworkRule:
    """A network from which access is allowed."""

    id: str
    cidr: str
    """As written by `normalised`."""
    note: str
    created_at: datetime


@dataclass(frozen=True)
class OldSecret:
    """A replaced secret that is still valid for a while."""

    hash: str
    ends_at: datetime
    known_to_user_id: str
    """The user on whom the key depended while this was its secret."""


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key to a customer's account. Only a hash of its secret is stored."""

    id: str
    customer_id: str
    name: str
    secret_hash: str
    scopes: Sequence[str]
    """As requested, including wildcards."""
    granted: frozenset[Scope]
    """The scopes that these texts stood for when they were granted."""
    granted_by_user_id: str
    """The user who last granted its scopes or saw its secret; a scope works only while that user holds it."""
    created_at: datetime
    rules: Sequence[NetworkRule] = ()
    """The networks that it may be used from; empty means everywhere."""
    requests_per_minute: int = REQUESTS_PER_MINUTE
    expires_at: datetime | None = None
    daily_spend_cap_micros: int | None = None
    """The maximum that its deployments may cost in one UTC day."""
    monthly_spend_cap_micros: int | None = None
    project_id: str = ""
    """The only project that it may access; empty means all."""
    old_secret: OldSecret | None = None
    rotated_at: datetime | None = None
    last_used_on: date | None = None
    version: int = 1

    @property
    def networks(self) -> Sequence[str]:
        """The networks that it may be used from, as CIDRs."""
        return [rule.cidr for rule in self.rules]

    @property
    def known_to(self) -> frozenset[str]:
        """The users who saw a secret of it that may still be valid."""
        return frozenset(
            {self.granted_by_user_id, *([self.old_secret.known_to_user_id] if self.old_secret else [])}
        )

    @property
    def has_spend_cap(self) -> bool:
        """Whether its spending is limited."""
        return self.daily_spend_cap_micros is not None or self.monthly_spend_cap_micros is not None

    def has_expired(self, now: datetime) -> bool:
        """Whether it has expired."""
        return self.expires_at is not None and now >= self.expires_at

    def is_opened_by(self, text: str, now: datetime) -> bool:
        """Whether `text` is its secret, or the old one while that is valid; compared in constant time."""
        shown = hash_of(text)
        is_current = hmac.compare_digest(shown, self.secret_hash)
        old = self.old_secret
        return is_current or (old is not None and now < old.ends_at and hmac.compare_digest(shown, old.hash))


@dataclass(frozen=True)
class NewKey:
    """A key with its text, which is shown only once."""

    key: ApiKey
    text: str


@dataclass(frozen=True, kw_only=True)
class KeyRequest:
    """The requested properties of a new key."""

    name: str
    scopes: Sequence[str]
    cidrs: Sequence[str] = ()
    requests_per_minute: int = REQUESTS_PER_MINUTE
    expires_at: datetime | None = None
    daily_spend_cap_micros: int | None = None
    monthly_spend_cap_micros: int | None = None
    project_id: str = ""


@dataclass(frozen=True)
class KeyStanding:
    """The current stored state of the customer and user on whom a key depends."""

    customer_status: CustomerStatus
    granter_role: Role | None
    networks: Sequence[str]
    """The networks from which all keys of the customer may be used."""


@dataclass(frozen=True)
class CustomerNetworks:
    """The networks from which all of a customer's keys may be used."""

    rules: Sequence[NetworkRule] = ()
    version: int = 0

    @property
    def cidrs(self) -> Sequence[str]:
        """The networks as CIDRs."""
        return [rule.cidr for rule in self.rules]
