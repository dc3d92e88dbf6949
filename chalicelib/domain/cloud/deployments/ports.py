"""What the compute context needs from outside."""

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
from chalicelib.domain.cloud.providers.machines import StorageKind
from chalicelib.domain.money.ledger.models import Account
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

DEPLOYMENT_UNCHANGED = "deployment_unchanged"
SLOT_FREE = "slot_free"
CUSTOMER_ACTIVE = "customer_active"
NEW_DEPLOYMENT = "new_deployment"
OPERATION_SHARDS = 4


class DeploymentRecords(Protocol):
    """Where deployments, operations and timelines are kept. Single reads are strongly consistent."""

    def deployment(self, customer_id: str, deployment_id: str) -> Deployment | None:
        """A customer's deployment; a stranger's is not found."""
        ...

    def deployments(self, customer_id: str, wanted: DeploymentFilter, page: PageRequest) -> Page[Deployment]:
        """A customer's deployments, newest first unless `wanted` says otherwise."""
        ...

    def all_deployments(self, customer_id: str) -> Iterator[Deployment]:
        """Every deployment that a customer ever made, oldest first, strongly consistent; for proofs."""
        ...

    def deployment_of_key(self, customer_id: str, key: str, at: datetime) -> tuple[str, str] | None:
        """The deployment and operation that were made with an idempotency key, for the day that it is kept."""
        ...

    def insert_deployment(self, deployment: Deployment, operation: Operation, key: str | None) -> Sequence[Write]:
        """Keep a new deployment, and the key that it was made with; asserts NEW_DEPLOYMENT."""
        ...

    def replace_deployment(self, before: Deployment, after: Deployment) -> Write:
        """Change a deployment; asserts DEPLOYMENT_UNCHANGED since `before` was read."""
        ...

    def operation(self, customer_id: str, deployment_id: str, operation_id: str) -> Operation | None:
        """One operation of a deployment."""
        ...

    def insert_operation(self, operation: Operation) -> Write:
        """Keep a new operation; the table's stream then starts its state machine."""
        ...

    def replace_operation(self, before: Operation, after: Operation) -> Write:
        """Change an operation; asserts DEPLOYMENT_UNCHANGED: nobody ended it or took it over since `before`."""
        ...

    def operations_to_check(self, shard: int, before: datetime) -> Iterator[Operation]:
        """Operations in progress whose `check_at` lies before; the index may lag behind by moments."""
        ...

    def insert_event(self, event: TimelineEvent) -> Write:
        """Append to the timeline; its number is free, or DEPLOYMENT_UNCHANGED fails with it."""
        ...

    def events(self, customer_id: str, deployment_id: str, after: int, page: PageRequest) -> Page[TimelineEvent]:
        """The timeline after the event numbered `after`, oldest first."""
        ...

    def take_slot(self, customer_id: str) -> Write:
        """Count one more existing deployment; asserts SLOT_FREE: fewer than the customer may have so far."""
        ...

    def customer_is_active(self, customer_id: str) -> Write:
        """Change nothing; asserts CUSTOMER_ACTIVE: the customer is neither blocked nor closed."""
        ...

    def free_slot(self, customer_id: str) -> Write:
        """Count one fewer."""
        ...

    def slots(self, customer_id: str) -> Slots:
        """How many deployments count against the customer's limit, and what that is."""
        ...

    def set_limit(self, customer_id: str, limit: int) -> Write:
        """Let the customer have so many from now on; those that are there stay."""
        ...


class ExecutionState(StrEnum):
    """What became of a state machine execution."""

    ABSENT = "absent"
    RUNNING = "running"
    ENDED = "ended"


class Workflows(Protocol):
    """State machines."""

    def start(self, operation: Operation) -> None:
        """Start the machine of the operation's type for this attempt; starting it again changes nothing."""
        ...

    def state(self, operation: Operation) -> ExecutionState:
        """What became of this attempt's execution."""
        ...

    def stop(self, operation: Operation) -> None:
        """End this attempt's execution, if it runs."""
        ...


class Offers(Protocol):
    """The catalogue, as far as deployments need it."""

    def offer(
        self, region: str, instance_type: str, image: str, storage_kind: StorageKind, size_gb: int | None
    ) -> Offer:
        """The offer for these ids; raises InvalidInput with every field that is wrong."""
        ...


class Availability(Protocol):
    """Live capacity."""

    def available(self, offer: Offer) -> bool | None:
        """Whether there is room for one more; None where nobody can say, or nothing is counted.

        Raises:
            ProviderError: the provider was asked in vain.
        """
        ...


class PublicKeys(Protocol):
    """Customers' SSH keys."""

    def public_key(self, customer_id: str, ssh_key_id: str) -> str:
        """The key in OpenSSH's format; raises NotFound for one that is not this customer's."""
        ...


class SpendingRoom(Protocol):
    """Spend caps, a customer's and an API key's."""

    def demand(self, account: Account, first_hour_micros: int, at: datetime, *, api_key_id: str = "") -> None:
        """Go on only where they leave room for the first hour of one more machine; raises SpendCapReached."""
        ...
