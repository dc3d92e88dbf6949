"""What customers do with deployments."""

import secrets
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

from chalicelib.domain.cloud.catalog.offers import Offer
from chalicelib.domain.cloud.deployments.charging import end_billing
from chalicelib.domain.cloud.deployments.models import (
    CHECK_INTERVAL,
    DELETE_STUCK_AFTER,
    HOLD_SECONDS,
    PROVISION_DEADLINE,
    Deployment,
    DeploymentFilter,
    DeploymentRequest,
    DeploymentStatus,
    DesiredState,
    Operation,
    OperationStatus,
    OperationType,
    TimelineEvent,
)
from chalicelib.domain.cloud.deployments.ports import (
    CUSTOMER_ACTIVE,
    DEPLOYMENT_UNCHANGED,
    NEW_DEPLOYMENT,
    SLOT_FREE,
    DeploymentRecords,
)
from chalicelib.domain.cloud.deployments.steps import begin
from chalicelib.domain.cloud.projects.service import PROJECT_THERE, ProjectRecords, Projects, no_such_project
from chalicelib.domain.cloud.providers.machines import StorageKind
from chalicelib.domain.money.ledger.models import SECONDS_PER_HOUR, Account, Balance
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import AccountChange, Ledger
from chalicelib.domain.money.metering.models import Meter, UsageRecord
from chalicelib.domain.money.metering.ports import METER_UNCHANGED, MeterRecords
from chalicelib.domain.money.metering.prices import PriceChange
from chalicelib.domain.money.metering.service import Metering
from chalicelib.kernel.clock import Clock, epoch_seconds
from chalicelib.kernel.errors import (
    AccountSuspended,
    CapacityUnavailable,
    CustomerBlocked,
    FieldError,
    InsufficientBalance,
    InvalidInput,
    LimitExceeded,
    NotFound,
    OperationInProgress,
    SpendCapReached,
)
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

T = TypeVar("T")
_STALE = frozenset({ACCOUNT_UNCHANGED, DEPLOYMENT_UNCHANGED, METER_UNCHANGED})
_ENDED_BY_DELETION = frozenset({OperationType.CREATE, OperationType.SUSPEND, OperationType.RESUME})


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
        """Whether there is room for one more; None where nobody can say, or nothing is counted."""
        ...


class PublicKeys(Protocol):
    """Customers' SSH keys."""

    def public_key(self, customer_id: str, ssh_key_id: str) -> str:
        """The key in OpenSSH's format; raises NotFound for one that is not this customer's."""
        ...


class Standing(Protocol):
    """Whether a customer may have more machines."""

    def is_suspended(self, customer_id: str) -> bool:
        """Whether the customer's money has run out, and none has come since that suffices to go on."""
        ...


class SpendingRoom(Protocol):
    """Spend caps, a customer's and an API key's."""

    def demand(self, account: Account, first_hour_micros: int, at: datetime, *, api_key_id: str = "") -> None:
        """Go on only where they leave room for the first hour of one more machine; raises SpendCapReached."""
        ...


@dataclass(frozen=True)
class Quote:
    """What a deployment would cost, and whether it could be made now."""

    available: bool | None
    price_micros_per_hour: int
    price_changes: Sequence[PriceChange]
    """How that price is going to change, as far as it is announced."""
    hold_micros: int
    balance: Balance
    slots_taken: int
    slot_limit: int
    warnings: Sequence[str]


@dataclass(frozen=True)
class Accepted:
    """An operation that has begun."""

    deployment: Deployment
    operation: Operation


@dataclass(frozen=True)
class Usage:
    """A part of a deployment's usage, with what proves it."""

    deployment: Deployment
    meters: Sequence[Meter]
    """Oldest first: one for each time that it ran."""
    intervals: Page[UsageRecord]


class Deployments:
    """Quotes, makes, shows and deletes deployments."""

    def __init__(  # noqa: PLR0913 (its collaborators)
        self,
        records: DeploymentRecords,
        offers: Offers,
        availability: Availability,
        keys: PublicKeys,
        ledger: Ledger,
        metering: Metering,
        meters: MeterRecords,
        standing: Standing,
        room: SpendingRoom,
        projects: ProjectRecords,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._offers = offers
        self._availability = availability
        self._keys = keys
        self._ledger = ledger
        self._metering = metering
        self._meters = meters
        self._standing = standing
        self._room = room
        self._project_records = projects
        self._projects = Projects(projects, transactor, clock)
        self.confined_to = ""
        """The one project that there is, for whoever asks; see `within`."""
        self._transactor = transactor
        self._clock = clock

    def within(self, project_id: str) -> "Deployments":
        """The same, confined to one project where `project_id` is not empty: all else is not there.

        Every look-up of a deployment goes through `get`, and every list through `list`, which hold to it.
        """
        confined = copy(self)
        confined.confined_to = project_id
        return confined

    def quote(self, customer_id: str, request: DeploymentRequest, *, api_key_id: str = "") -> Quote:
        """What `request` would cost and what stands in its way, if anything does, for whoever asks.

        Raises:
            InvalidInput: with a detail for each field that is wrong.
        """
        offer = self._offer(request)
        hold = _hold_micros(offer.price_micros_per_hour)
        balance = self._ledger.balance(customer_id)
        available = self._availability.available(offer)
        slots = self._records.slots(customer_id)
        warnings = []
        if self._standing.is_suspended(customer_id):
            warnings.append(AccountSuspended.sentence)
        if balance.available_micros < hold:
            warnings.append(InsufficientBalance.sentence)
        try:
            self._demand_room(customer_id, offer, self._clock.now(), api_key_id)
        except SpendCapReached as refusal:
            warnings.append(refusal.message)
        if slots.taken >= slots.limit:
            warnings.append(LimitExceeded.sentence)
        if available is False:
            warnings.append(CapacityUnavailable.sentence)
        return Quote(
            available,
            offer.price_micros_per_hour,
            offer.price_changes,
            hold,
            balance,
            slots.taken,
            slots.limit,
            warnings,
        )

    def _demand_room(self, customer_id: str, offer: Offer, at: datetime, api_key_id: str) -> AccountChange:
        """The account as the caps were held against it; what commits it asserts that nothing was spent since."""
        change = self._ledger.change(customer_id, at)
        self._room.demand(change.account, _hold_micros(offer.price_micros_per_hour), at, api_key_id=api_key_id)
        return change

    def create(
        self, customer_id: str, request: DeploymentRequest, key: str | None, *, api_key_id: str = ""
    ) -> Accepted:
        """Set money aside, record the deployment and its operation; the state machine does the rest.

        Args:
            customer_id: who pays.
            request: what is wanted, in the catalogue's ids.
            key: the caller's idempotency key: the same one finds what the first call made.
            api_key_id: the API key that asks, if one does; what the machine costs counts for its caps too.

        Raises:
            InvalidInput: with a detail for each field that is wrong.
            NotFound: the SSH key is not this customer's.
            CustomerBlocked, AccountSuspended, InsufficientBalance, SpendCapReached, LimitExceeded,
                CapacityUnavailable: what stands in its way.
        """
        offer = self._offer(request)
        public_key = self._public_key(customer_id, request.ssh_key_id, offer)
        key = f"{self.confined_to}:{key}" if key and self.confined_to else key
        if key and (made := self._made_before(customer_id, key)):
            return made
        request = replace(request, project_id=self._project(customer_id, request.project_id or self.confined_to))
        if self._standing.is_suspended(customer_id):
            raise AccountSuspended
        slots = self._records.slots(customer_id)
        if slots.taken >= slots.limit:
            raise LimitExceeded
        if self._availability.available(offer) is False:
            raise CapacityUnavailable

        def accept() -> Accepted:
            if key and (made := self._made_before(customer_id, key)):
                return made
            accepted = self._new(customer_id, request, offer, public_key, api_key_id)
            deployment, operation = accepted.deployment, accepted.operation
            change = self._demand_room(customer_id, offer, deployment.created_at, api_key_id)
            change.place_hold(deployment.id, _hold_micros(offer.price_micros_per_hour), api_key_id=api_key_id)
            self._transactor.commit(
                [
                    *self._records.insert_deployment(deployment, operation, key),
                    self._records.insert_operation(operation),
                    self._records.insert_event(
                        _event(deployment, "requested", "Your machine has been requested.")
                    ),
                    self._records.take_slot(customer_id),
                    self._records.customer_is_active(customer_id),
                    *self._entering(deployment),
                    *change.writes(),
                ]
            )
            return accepted

        return self._attempt(accept)

    def _new(
        self, customer_id: str, request: DeploymentRequest, offer: Offer, public_key: str, api_key_id: str
    ) -> Accepted:
        """A deployment and its first operation, not kept anywhere yet."""
        now = self._clock.now()
        deployment_id = new_id(Kind.DEPLOYMENT, now)
        operation = Operation(
            id=new_id(Kind.OPERATION, now),
            customer_id=customer_id,
            deployment_id=deployment_id,
            type=OperationType.CREATE,
            status=OperationStatus.PENDING,
            created_at=now,
            deadline_at=now + PROVISION_DEADLINE,
            fence=1,
            check_at=now + CHECK_INTERVAL,
        )
        deployment = Deployment(
            id=deployment_id,
            customer_id=customer_id,
            name=request.name or f"{request.instance_type}-{secrets.token_hex(2)}",
            provider=offer.region.provider,
            provider_region=offer.region.id,
            region=request.region,
            instance_type=request.instance_type,
            image=request.image,
            ssh_key_id=request.ssh_key_id,
            project_id=request.project_id,
            spec=offer.machine_spec(
                ssh_public_key=public_key, tags={"customer": customer_id, "deployment": deployment_id}
            ),
            price_micros_per_hour=offer.price_micros_per_hour,
            price_parts=offer.price_parts,
            status=DeploymentStatus.REQUESTED,
            desired=DesiredState.PRESENT,
            created_at=now,
            updated_at=now,
            operation_id=operation.id,
            last_operation_id=operation.id,
            made_by_key=api_key_id,
            fence=operation.fence,
            event_sequence=1,
        )
        return Accepted(deployment, operation)

    def _attempt(self, change: Callable[[], T]) -> T:
        """Run an optimistic change, and say in the API's words what stands in its way."""
        try:
            return with_fresh_reads(change, stale=_STALE | {NEW_DEPLOYMENT})
        except ConditionFailed as failed:
            if CUSTOMER_ACTIVE in failed.asserts:  # blocked since the request was let in
                raise CustomerBlocked from failed
            if SLOT_FREE in failed.asserts:
                raise LimitExceeded from failed
            if PROJECT_THERE in failed.asserts:
                raise no_such_project() from failed
            raise

    def _project(self, customer_id: str, project_id: str) -> str:
        """A project that deployments may be put into; an empty one is none."""
        if project_id:
            self._projects.get(customer_id, project_id, within=self.confined_to)
        elif self.confined_to:
            raise no_such_project()
        return project_id

    def _entering(self, deployment: Deployment) -> Sequence[Write]:
        """The assertion that the deployment's project is there, as long as this takes."""
        if not deployment.project_id:
            return []
        return [self._project_records.enter(deployment.customer_id, deployment.project_id)]

    def _offer(self, request: DeploymentRequest) -> Offer:
        kind = StorageKind(request.storage_kind)
        return self._offers.offer(request.region, request.instance_type, request.image, kind, request.storage_gb)

    def _public_key(self, customer_id: str, ssh_key_id: str, offer: Offer) -> str:
        try:
            public_key = self._keys.public_key(customer_id, ssh_key_id)
        except NotFound as missing:
            message = "You have no such SSH key; add one first."
            raise NotFound(message, details=[FieldError("sshKeyId", message)]) from missing
        if offer.needs_rsa_key and not public_key.startswith("ssh-rsa "):
            raise InvalidInput.of(
                "sshKeyId", "Windows encrypts its password with an RSA key; choose one of that kind."
            )
        return public_key

    def _made_before(self, customer_id: str, key: str) -> Accepted | None:
        made = self._records.deployment_of_key(customer_id, key, self._clock.now())
        if made is None:
            return None
        deployment = self._records.deployment(customer_id, made[0])
        operation = self._records.operation(customer_id, *made)
        return Accepted(deployment, operation) if deployment and operation else None

    def get(self, customer_id: str, deployment_id: str) -> Deployment:
        """One deployment.

        Raises:
            NotFound: this customer has no such deployment.
        """
        deployment = self._records.deployment(customer_id, deployment_id)
        if deployment is None or self.confined_to not in {"", deployment.project_id}:
            raise NotFound("You have no such deployment.")
        return deployment

    def list(self, customer_id: str, wanted: DeploymentFilter, page: PageRequest) -> Page[Deployment]:
        """A customer's deployments."""
        if self.confined_to and wanted.project_id not in {"", self.confined_to}:
            return Page([])
        wanted = replace(wanted, project_id=wanted.project_id or self.confined_to)
        return self._records.deployments(customer_id, wanted, page)

    def move(self, customer_id: str, deployment_id: str, project_id: str) -> Deployment:
        """Put a deployment into a project, or into none where `project_id` is empty.

        Raises:
            NotFound: this customer has no such deployment, or no such project.
            OperationInProgress: an operation is changing the deployment; move it when that has ended (G29).
        """

        def moved() -> Deployment:
            before = self.get(customer_id, deployment_id)
            if self._project(customer_id, project_id) == before.project_id:
                return before
            if before.operation_id is not None:
                raise OperationInProgress
            after = before.changed(self._clock.now(), project_id=project_id)
            self._transactor.commit([self._records.replace_deployment(before, after), *self._entering(after)])
            return after

        return self._attempt(moved)

    def events(self, customer_id: str, deployment_id: str, after: int, page: PageRequest) -> Page[TimelineEvent]:
        """The timeline after the event numbered `after`.

        Raises:
            NotFound: this customer has no such deployment.
        """
        self.get(customer_id, deployment_id)
        return self._records.events(customer_id, deployment_id, after, page)

    def usage(self, customer_id: str, deployment_id: str, page: PageRequest) -> Usage:
        """What the deployment was charged, interval by interval (G05).

        Raises:
            NotFound: this customer has no such deployment.
        """
        deployment = self.get(customer_id, deployment_id)
        meters = list(self._meters.meters(customer_id, deployment_id))
        return Usage(deployment, meters, self._meters.usage(customer_id, deployment_id, page))

    def delete(self, customer_id: str, deployment_id: str) -> Accepted:
        """End billing now, in this very transaction (G06), and let the state machine remove the machine.

        Deleting what is being deleted, or is gone, changes nothing and gives that operation again.

        Raises:
            NotFound: this customer has no such deployment.
            OperationInProgress: an operation that a deletion cannot end is changing it.
        """
        return self._attempt(lambda: self._delete(customer_id, deployment_id))

    def _delete(self, customer_id: str, deployment_id: str) -> Accepted:
        deployment = self.get(customer_id, deployment_id)
        current = self._current_operation(deployment)
        if current and current.type is OperationType.DELETE:
            return Accepted(deployment, current)
        if current and not current.status.is_final and current.type not in _ENDED_BY_DELETION:
            raise OperationInProgress
        now = self._clock.now()
        step = begin(deployment, OperationType.DELETE, now, DELETE_STUCK_AFTER, self._records)
        step.change(status=DeploymentStatus.DELETING, desired=DesiredState.ABSENT)
        step.tell("deleting", "Your machine is being deleted. You are no longer charged for it.")
        if current and not current.status.is_final:
            cancelled = replace(current, status=OperationStatus.CANCELLED, ended_at=now, check_at=None)
            step.add([self._records.replace_operation(current, cancelled)])
        step.add(end_billing(self._ledger, self._metering, deployment, now, epoch_seconds(now)))
        step.commit(self._transactor)
        return Accepted(step.deployment, step.operation)

    def _current_operation(self, deployment: Deployment) -> Operation | None:
        """The operation that last took the deployment."""
        return self._records.operation(deployment.customer_id, deployment.id, deployment.last_operation_id)


def _hold_micros(price_micros_per_hour: int) -> int:
    """What must be available before a machine of this price is built."""
    return price_micros_per_hour * HOLD_SECONDS // SECONDS_PER_HOUR


def _event(deployment: Deployment, type_: str, message: str) -> TimelineEvent:
    return TimelineEvent(
        deployment.customer_id,
        deployment.id,
        sequence=deployment.event_sequence,
        at=deployment.created_at,
        type=type_,
        message=message,
    )
