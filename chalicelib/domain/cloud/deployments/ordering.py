"""Orders a deployment: holds the money and records everything in one transaction."""

import secrets
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.cloud.catalog.models import Offer
from chalicelib.domain.cloud.deployments.accepting import accepted
from chalicelib.domain.cloud.deployments.admission import Admission, hold_micros
from chalicelib.domain.cloud.deployments.models import (
    CHECK_INTERVAL,
    PROVISION_DEADLINE,
    Accepted,
    Deployment,
    DeploymentRequest,
    DeploymentStatus,
    DesiredState,
    Operation,
    OperationStatus,
    OperationType,
    TimelineEvent,
)
from chalicelib.domain.cloud.deployments.placing import Placing
from chalicelib.domain.cloud.deployments.ports import DeploymentRecords, PublicKeys
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import FieldError, InvalidInput, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import Transactor


class Ordering:
    """Accepts orders; a state machine does the rest."""

    def __init__(
        self,
        records: DeploymentRecords,
        admission: Admission,
        keys: PublicKeys,
        placing: Placing,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._admission = admission
        self._keys = keys
        self._placing = placing
        self._transactor = transactor
        self._clock = clock

    def create(
        self, reach: Reach, request: DeploymentRequest, key: str | None, *, api_key_id: str = ""
    ) -> Accepted:
        """Hold money, and record the deployment and its operation.

        Args:
            reach: the customer who pays, and the project if confined.
            request: the order, with ids of the catalogue.
            key: the caller's idempotency key: a repeated call with it returns the first result.
            api_key_id: the API key of the caller, if any; the machine's cost counts against its caps too.

        Raises:
            InvalidInput: with a detail for each invalid field.
            NotFound: the SSH key or the project is not within reach.
            CustomerBlocked, AccountSuspended, InsufficientBalance, SpendCapReached, LimitExceeded,
                CapacityUnavailable: the reason to refuse the order.
        """
        customer_id = reach.customer_id
        offer = self._admission.offer(request)
        public_key = self._public_key(customer_id, request.ssh_key_id, offer)
        key = f"{reach.project_id}:{key}" if key and reach.project_id else key
        if key and (made := self._made_before(customer_id, key)):
            return made
        project_id = self._placing.project(reach, request.project_id or reach.project_id)
        request = replace(request, project_id=project_id)
        self._admission.demand(customer_id, offer)

        def order() -> Accepted:
            if key and (made := self._made_before(customer_id, key)):
                return made
            new = self._new(customer_id, request, offer, public_key, api_key_id)
            deployment, operation = new.deployment, new.operation
            change = self._admission.demand_room(customer_id, offer, deployment.created_at, api_key_id=api_key_id)
            change.place_hold(deployment.id, hold_micros(offer), api_key_id=api_key_id)
            self._transactor.commit(
                [
                    *self._records.insert_deployment(deployment, operation, key),
                    self._records.insert_operation(operation),
                    self._records.insert_event(_requested(deployment)),
                    self._records.take_slot(customer_id),
                    self._records.customer_is_active(customer_id),
                    *self._placing.enter(deployment),
                    *change.writes(),
                ]
            )
            return new

        return accepted(order)

    def _new(
        self, customer_id: str, request: DeploymentRequest, offer: Offer, public_key: str, api_key_id: str
    ) -> Accepted:
        """Return a new deployment and its first operation; nothing is stored yet."""
        now = self._clock.now()
        deployment_id = new_id(Kind.DEPLOYMENT, now)
        operation = _first_operation(customer_id, deployment_id, now)
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
        """Return the result of an earlier call with the same idempotency key."""
        made = self._records.deployment_of_key(customer_id, key, self._clock.now())
        if made is None:
            return None
        deployment = self._records.deployment(customer_id, made[0])
        operation = self._records.operation(customer_id, *made)
        return Accepted(deployment, operation) if deployment and operation else None


def _first_operation(customer_id: str, deployment_id: str, at: datetime) -> Operation:
    return Operation(
        id=new_id(Kind.OPERATION, at),
        customer_id=customer_id,
        deployment_id=deployment_id,
        type=OperationType.CREATE,
        status=OperationStatus.PENDING,
        created_at=at,
        deadline_at=at + PROVISION_DEADLINE,
        fence=1,
        check_at=at + CHECK_INTERVAL,
    )


def _requested(deployment: Deployment) -> TimelineEvent:
    return TimelineEvent(
        deployment.customer_id,
        deployment.id,
        sequence=deployment.event_sequence,
        at=deployment.created_at,
        type="requested",
        message="Your machine has been requested.",
    )
