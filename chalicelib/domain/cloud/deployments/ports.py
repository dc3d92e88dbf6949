"""Ports of deployments."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from chalicelib.domain.cloud.catalog.models import Offer
from chalicelib.domain.cloud.deployments.models import (
    Deployment,
    DeploymentFilter,
    Operation,
    Slots,
    TimelineEvent,
)
from chalicelib.domain.cloud.providers.models import StorageKind
from chalicelib.domain.money.ledger.models import Account
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

DEPLOYMENT_UNCHANGED = "deployment_unchanged"
SLOT_FREE = "slot_free"
CUSTOMER_ACTIVE = "customer_active"
NEW_DEPLOYMENT = "new_deployment"
OPERATION_SHARDS = 4


class DeploymentRecords(Protocol):
    """Stored deployments, operations and timelines. Single reads are strongly consistent."""

    def deployment(self, customer_id: str, deployment_id: str) -> Deployment | None:
        """Return a customer's deployment, or None."""
        ...

    def deployments(self, customer_id: str, wanted: DeploymentFilter, page: PageRequest) -> Page[Deployment]:
        """Return a customer's deployments, newest first unless `wanted` says otherwise."""
        ...

    def all_deployments(self, customer_id: str) -> Iterator[Deployment]:
        """Yield every deployment that a customer ever had, oldest first (strongly consistent); for proofs."""
        ...

    def deployment_of_key(self, customer_id: str, key: str, at: datetime) -> tuple[str, str] | None:
        """Return the ids of the deployment and operation created with an idempotency key in the last day, or
        None.
        """
        ...

    def insert_deployment(self, deployment: Deployment, operation: Operation, key: str | None) -> Sequence[Write]:
        """Add a deployment and its idempotency key; asserts NEW_DEPLOYMENT."""
        ...

    def replace_deployment(self, before: Deployment, after: Deployment) -> Write:
        """Replace a deployment; asserts DEPLOYMENT_UNCHANGED since `before` was read."""
        ...

    def operation(self, customer_id: str, deployment_id: str, operation_id: str) -> Operation | None:
        """Return one operation of a deployment."""
        ...

    def insert_operation(self, operation: Operation) -> Write:
        """Add an operation; a consumer of the table's stream then starts its state machine."""
        ...

    def replace_operation(self, before: Operation, after: Operation) -> Write:
        """Replace an operation; asserts DEPLOYMENT_UNCHANGED: nobody ended it or took it over since `before` was
        read.
        """
        ...

    def operations_to_check(self, shard: int, before: datetime) -> Iterator[Operation]:
        """Yield operations in progress whose `check_at` is before this time. The index is eventually
        consistent.
        """
        ...

    def insert_event(self, event: TimelineEvent) -> Write:
        """Append to the timeline; asserts DEPLOYMENT_UNCHANGED: the event's number is free."""
        ...

    def events(self, customer_id: str, deployment_id: str, after: int, page: PageRequest) -> Page[TimelineEvent]:
        """Return the timeline after event number `after`, oldest first."""
        ...

    def take_slot(self, customer_id: str) -> Write:
        """Count one more deployment; asserts SLOT_FREE: the customer has fewer than the limit."""
        ...

    def customer_is_active(self, customer_id: str) -> Write:
        """Change nothing; asserts CUSTOMER_ACTIVE: the customer is neither blocked nor closed."""
        ...

    def free_slot(self, customer_id: str) -> Write:
        """Count one deployment less."""
        ...

    def slots(self, customer_id: str) -> Slots:
        """Return how many deployments the customer has, and the limit."""
        ...

    def set_limit(self, customer_id: str, limit: int) -> Write:
        """Set the customer's limit; existing deployments stay."""
        ...


class ExecutionState(StrEnum):
    """The state of an execution."""

    ABSENT = "absent"
    RUNNING = "running"
    ENDED = "ended"


class Workflows(Protocol):
    """State machines."""

    def start(self, operation: Operation) -> None:
        """Start the execution of this attempt; starting it again has no effect."""
        ...

    def state(self, operation: Operation) -> ExecutionState:
        """Return the state of this attempt's execution."""
        ...

    def stop(self, operation: Operation) -> None:
        """End this attempt's execution, if it runs."""
        ...


class Offers(Protocol):
    """The part of the catalogue that deployments need."""

    def offer(
        self, region: str, instance_type: str, image: str, storage_kind: StorageKind, size_gb: int | None
    ) -> Offer:
        """Return the offer for these ids; raises InvalidInput with every invalid field."""
        ...


class Availability(Protocol):
    """Free capacity."""

    def available(self, offer: Offer) -> bool | None:
        """Whether there is capacity for one more machine; None if unknown or not counted.

        Raises:
            ProviderError: the provider could not be asked.
        """
        ...


class PublicKeys(Protocol):
    """Customers' SSH keys."""

    def public_key(self, customer_id: str, ssh_key_id: str) -> str:
        """Return the key in OpenSSH's format; raises NotFound if it does not belong to the customer."""
        ...


class SpendingRoom(Protocol):
    """Spend caps of customers and API keys."""

    def demand(self, account: Account, first_hour_micros: int, at: datetime, *, api_key_id: str = "") -> None:
        """Raise SpendCapReached unless the caps leave room for the first hour of one more machine."""
        ...
