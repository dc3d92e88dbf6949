"""Scopes, the roles that hold them, and the records of requests."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.limits import REQUESTS_PER_MINUTE


class Scope(StrEnum):
    """What an endpoint asks for; a session holds those of its role, a key those it was given."""

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
    """Closing the account, and giving it to another owner."""
    STAFF_CREDITS_WRITE = "staff.credits:write"
    STAFF_CUSTOMERS_READ = "staff.customers:read"
    STAFF_CUSTOMERS_WRITE = "staff.customers:write"
    STAFF_MEMBERS_READ = "staff.members:read"
    STAFF_MEMBERS_WRITE = "staff.members:write"
    STAFF_OPERATIONS_READ = "staff.operations:read"
    """What functions gave up on, whosever it is."""
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
    def is_staffs(self) -> bool:
        """Whether only the operator's own people can hold it."""
        return self.startswith("staff.")


class Role(StrEnum):
    """What a membership makes of a user inside one customer."""

    OWNER = "owner"
    ADMIN = "admin"
    BILLING = "billing"
    DEVELOPER = "developer"
    VIEWER = "viewer"


class CustomerStatus(StrEnum):
    """Whether a customer may use what it has."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    """By the operator: its people may still read, pay, and delete machines; its keys may do nothing."""
    CLOSED = "CLOSED"


class StaffRole(StrEnum):
    """The operator's own people."""

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
_ALL = frozenset(scope for scope in Scope if not scope.is_staffs)

ROLE_SCOPES: MappingProxyType[Role, frozenset[Scope]] = MappingProxyType(
    {
        Role.OWNER: _ALL,
        Role.ADMIN: _ALL - {Scope.CUSTOMER_CLOSE},
        Role.BILLING: _TECHNICAL_READS | _BILLING_READS | _BILLING_WRITES,
        Role.DEVELOPER: _TECHNICAL_READS | _DEVELOPING,
        Role.VIEWER: _TECHNICAL_READS,
    }
)
"""What a membership's role may ask for."""

_STAFF_ALL = frozenset(scope for scope in Scope if scope.is_staffs)

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
"""What the staff's roles may ask for: the owner manages the staff itself, and a manager sees no billing."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a request shows of who sent it."""

    token: str
    """An access token, or an API key."""
    ip: str
    """The gateway's own view of the source address."""
    customer_id: str = ""
    """The customer that the request names, which it acts for instead of the session's own; never with
    `wants_staff`."""
    wants_staff: bool = False
    """Whether it asks for something of the staff's: then the sender's place there counts, no membership."""


@dataclass(frozen=True)
class Principal:
    """Who a request comes from, once its credentials have been checked: a session, or an API key."""

    user_id: str
    """The person of a session; of a key, who gave it its scopes."""
    session_id: str
    """Empty of a key."""
    customer_id: str
    """The customer that is acted for; staff without a customer of their own have an empty one."""
    role: Role | None
    staff_role: StaffRole | None
    has_second_factor: bool = False
    """Whether the session stands on more than a password."""
    api_key_id: str = ""
    key_scopes: frozenset[Scope] = frozenset()
    """What the key was given."""
    project_id: str = ""
    """The only project that the key reaches; empty where it reaches all of the customer's."""
    requests_per_minute: int = REQUESTS_PER_MINUTE
    customer_status: CustomerStatus = CustomerStatus.ACTIVE
    """Of the customer that is acted for."""
    address_is_allowed: bool = True
    """Whether the key may be used from where the request came from."""

    @property
    def actor_id(self) -> str:
        """Who acts: the key, or the person."""
        return self.api_key_id or self.user_id

    @property
    def limited_as(self) -> str:
        """Under which name its requests are counted (G45)."""
        return f"key:{self.api_key_id}" if self.api_key_id else f"session:{self.session_id}"

    @property
    def scopes(self) -> frozenset[Scope]:
        """Everything that this principal may ask for."""
        if self.api_key_id:
            return self.key_scopes
        own = ROLE_SCOPES[self.role] if self.role else frozenset()
        return (own | self._staff_scopes) if self.has_second_factor else own

    def lacks_second_factor_for(self, scope: Scope) -> bool:
        """Whether a second factor is all that this principal lacks: what is staff's needs one."""
        return not self.has_second_factor and not self.api_key_id and scope in self._staff_scopes

    @property
    def _staff_scopes(self) -> frozenset[Scope]:
        return STAFF_SCOPES[self.staff_role] if self.staff_role else frozenset()


@dataclass(frozen=True)
class StoredAnswer:
    """An answer kept for replay."""

    status: int
    body: str


class ClaimState(StrEnum):
    """What an idempotency key was found to be."""

    FIRST = "first"
    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    OTHER_REQUEST = "other_request"


@dataclass(frozen=True)
class Claim:
    """The outcome of claiming an idempotency key; `answer` is set where it was answered before."""

    state: ClaimState
    answer: StoredAnswer | None = None


class StaffStatus(StrEnum):
    """Whether somebody's place in the staff gives them any power."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


MAX_REQUESTS_PER_MINUTE = 600


@dataclass(frozen=True)
class NetworkRule:
    """A network that is let in."""

    id: str
    cidr: str
    """As `normalised` writes it."""
    note: str
    created_at: datetime


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
