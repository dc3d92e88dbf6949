"""Scopes, the roles that hold them, and the records of requests."""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Scope(StrEnum):
    """What an endpoint asks for; a session holds those of its role, a key those it was given."""

    DEPLOYMENTS_READ = "deployments:read"
    DEPLOYMENTS_WRITE = "deployments:write"
    SSH_KEYS_READ = "ssh-keys:read"
    SSH_KEYS_WRITE = "ssh-keys:write"
    BILLING_READ = "billing:read"
    BILLING_WRITE = "billing:write"
    ACTIVITY_READ = "activity:read"
    STAFF_CREDITS_WRITE = "staff.credits:write"
    STAFF_CUSTOMERS_READ = "staff.customers:read"
    STAFF_PAYMENTS_READ = "staff.payments:read"
    STAFF_PAYMENTS_WRITE = "staff.payments:write"
    STAFF_RATES_READ = "staff.rates:read"
    STAFF_RATES_WRITE = "staff.rates:write"
    STAFF_REFUNDS_READ = "staff.refunds:read"
    STAFF_REFUNDS_WRITE = "staff.refunds:write"
    STAFF_APPROVALS_READ = "staff.approvals:read"
    STAFF_APPROVALS_WRITE = "staff.approvals:write"


class Role(StrEnum):
    """What a membership makes of a user inside one customer."""

    OWNER = "owner"
    ADMIN = "admin"
    BILLING = "billing"
    DEVELOPER = "developer"
    VIEWER = "viewer"


class StaffRole(StrEnum):
    """The operator's own people (document 004, section 4.7)."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MANAGER = "MANAGER"
    SUPPORT = "SUPPORT"


_READS = frozenset({Scope.DEPLOYMENTS_READ, Scope.SSH_KEYS_READ, Scope.BILLING_READ, Scope.ACTIVITY_READ})
_ALL = _READS | {Scope.DEPLOYMENTS_WRITE, Scope.SSH_KEYS_WRITE, Scope.BILLING_WRITE}

ROLE_SCOPES: MappingProxyType[Role, frozenset[Scope]] = MappingProxyType(
    {
        Role.OWNER: _ALL,
        Role.ADMIN: _ALL,
        Role.BILLING: _READS | {Scope.BILLING_WRITE},
        Role.DEVELOPER: _READS - {Scope.BILLING_READ} | {Scope.DEPLOYMENTS_WRITE, Scope.SSH_KEYS_WRITE},
        Role.VIEWER: _READS - {Scope.BILLING_READ},
    }
)

_STAFF_READS = frozenset(
    {
        Scope.STAFF_APPROVALS_READ,
        Scope.STAFF_CUSTOMERS_READ,
        Scope.STAFF_PAYMENTS_READ,
        Scope.STAFF_RATES_READ,
        Scope.STAFF_REFUNDS_READ,
    }
)
_STAFF_ALL = _STAFF_READS | {
    Scope.STAFF_APPROVALS_WRITE,
    Scope.STAFF_CREDITS_WRITE,
    Scope.STAFF_PAYMENTS_WRITE,
    Scope.STAFF_RATES_WRITE,
    Scope.STAFF_REFUNDS_WRITE,
}

STAFF_SCOPES: MappingProxyType[StaffRole, frozenset[Scope]] = MappingProxyType(
    {
        StaffRole.OWNER: _STAFF_ALL,
        StaffRole.ADMIN: _STAFF_ALL,
        StaffRole.MANAGER: _STAFF_READS,
        StaffRole.SUPPORT: _STAFF_READS,
    }
)


@dataclass(frozen=True)
class Principal:
    """Who a request comes from, once its credentials have been checked."""

    user_id: str
    session_id: str
    customer_id: str
    """The customer that the session acts for; staff without a customer of their own have an empty one."""
    role: Role | None
    staff_role: StaffRole | None

    @property
    def scopes(self) -> frozenset[Scope]:
        """Everything that this principal may ask for."""
        own = ROLE_SCOPES[self.role] if self.role else frozenset()
        return own | (STAFF_SCOPES[self.staff_role] if self.staff_role else frozenset())


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
