"""Deployments, their operations and timelines."""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamodb.identity import active_customer
from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalInteger, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import insert, put, update
from chalicelib.compute.machines import MachineOutputs, MachineSpec, StorageKind
from chalicelib.compute.models import (
    DEFAULT_DEPLOYMENT_LIMIT,
    Deployment,
    DeploymentFilter,
    DeploymentStatus,
    DesiredState,
    Failure,
    Operation,
    OperationStatus,
    OperationType,
    Slots,
    TimelineEvent,
)
from chalicelib.compute.ports import (
    CUSTOMER_ACTIVE,
    DEPLOYMENT_UNCHANGED,
    NEW_DEPLOYMENT,
    OPERATION_SHARDS,
    SLOT_FREE,
)
from chalicelib.kernel.clock import epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.limits import IDEMPOTENCY_KEY_TTL_SECONDS
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write


class DeploymentRecord(Record, discriminator="DEPLOYMENT"):
    """`CUSTOMER#<customer>` / `DEPLOYMENT#<id>`; by status in `gsi1` under `CUSTOMER#<customer>#DEPLOYMENTS`."""

    name = UnicodeAttribute()
    provider = UnicodeAttribute()
    provider_region = UnicodeAttribute()
    region = UnicodeAttribute()
    instance_type = UnicodeAttribute()
    image = UnicodeAttribute()
    ssh_key_id = UnicodeAttribute()
    spec = JSONAttribute()
    price_micros_per_hour = IntegerAttribute()
    price_parts = JSONAttribute(null=True)
    status = UnicodeAttribute()
    desired = UnicodeAttribute()
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    project_id = OptionalText()
    placement = OptionalText()
    machine_id = OptionalText()
    create_called_at = OptionalText()
    outputs = JSONAttribute(null=True)
    failure = JSONAttribute(null=True)
    activated_at = OptionalText()
    ended_at = OptionalText()
    operation_id = OptionalText()
    last_operation_id = UnicodeAttribute()
    made_by_key = OptionalText()
    fence = IntegerAttribute()
    holds_slot = BooleanAttribute()
    event_sequence = IntegerAttribute()
    provider_event_id = OptionalText()
    version = IntegerAttribute()


class DeploymentKeyRecord(Record, discriminator="DEPLOYMENT_KEY"):
    """`CUSTOMER#<customer>` / `DEPLOYMENT_KEY#<hash>`: what an idempotency key has made."""

    deployment_id = UnicodeAttribute()
    operation_id = UnicodeAttribute()


class OperationRecord(Record, discriminator="OPERATION"):
    """`DEPLOYMENT#<customer>#<deployment>` / `OPERATION#<id>`; until final in `gsi2`, `OPERATIONS#<shard>`."""

    type = UnicodeAttribute()
    status = UnicodeAttribute()
    created_at = UnicodeAttribute()
    deadline_at = UnicodeAttribute()
    fence = IntegerAttribute()
    attempt = IntegerAttribute()
    check_at = OptionalText()
    ended_at = OptionalText()


class EventRecord(Record, discriminator="EVENT"):
    """`DEPLOYMENT#<customer>#<deployment>` / `EVENT#<number>`."""

    at = UnicodeAttribute()
    type = UnicodeAttribute()
    message = UnicodeAttribute()
    resource = OptionalText()
    status = OptionalText()


class SlotsRecord(Record, discriminator="SLOTS"):
    """`CUSTOMER#<customer>` / `SLOTS`: how many deployments exist, and may exist where that was set."""

    taken = IntegerAttribute()
    limit = OptionalInteger()


class DynamoDeploymentRecords:
    """`DeploymentRecords` on the single table."""

    def deployment(self, customer_id: str, deployment_id: str) -> Deployment | None:
        """A customer's deployment; see `DeploymentRecords.deployment`."""
        key = f"DEPLOYMENT#{deployment_id}"
        try:
            record = DeploymentRecord.get(f"CUSTOMER#{customer_id}", key, consistent_read=True)
        except DeploymentRecord.DoesNotExist:
            return None
        return _deployment(record)

    def deployments(self, customer_id: str, wanted: DeploymentFilter, page: PageRequest) -> Page[Deployment]:
        """A page of deployments; see `DeploymentRecords.deployments`."""
        filters = _filters(wanted)
        if wanted.status is None:
            return query_page(
                DeploymentRecord,
                f"CUSTOMER#{customer_id}",
                page,
                _deployment,
                sort_key=DeploymentRecord.sk.startswith("DEPLOYMENT#"),
                filters=filters,
                ascending=wanted.ascending,
            )
        return query_page(
            DeploymentRecord,
            f"CUSTOMER#{customer_id}#DEPLOYMENTS",
            page,
            _deployment,
            sort_key=DeploymentRecord.gsi1sk.startswith(f"{wanted.status}#"),
            index_name="gsi1",
            filters=filters,
            ascending=wanted.ascending,
        )

    def all_deployments(self, customer_id: str) -> Iterator[Deployment]:
        """Every deployment of a customer; see `DeploymentRecords.all_deployments`."""
        of_deployments = DeploymentRecord.sk.startswith("DEPLOYMENT#")
        found = DeploymentRecord.query(f"CUSTOMER#{customer_id}", of_deployments, consistent_read=True)
        return (_deployment(record) for record in found)

    def deployment_of_key(self, customer_id: str, key: str, at: datetime) -> tuple[str, str] | None:
        """What an idempotency key has made; see `DeploymentRecords.deployment_of_key`."""
        try:
            record = DeploymentKeyRecord.get(f"CUSTOMER#{customer_id}", _key_of(key), consistent_read=True)
        except DeploymentKeyRecord.DoesNotExist:
            return None
        if record.expires_at is not None and record.expires_at <= epoch_seconds(at):
            return None  # DynamoDB removes it in its own time
        return record.deployment_id, record.operation_id

    def insert_deployment(self, deployment: Deployment, operation: Operation, key: str | None) -> Sequence[Write]:
        """Keep a new deployment; see `DeploymentRecords.insert_deployment`."""
        writes = [insert(_deployment_record(deployment), NEW_DEPLOYMENT)]
        if key:
            made = DeploymentKeyRecord(
                f"CUSTOMER#{deployment.customer_id}",
                _key_of(key),
                deployment_id=deployment.id,
                operation_id=operation.id,
                expires_at=epoch_seconds(deployment.created_at) + IDEMPOTENCY_KEY_TTL_SECONDS,
            )
            created_at = epoch_seconds(deployment.created_at)
            free = DeploymentKeyRecord.pk.does_not_exist() | (DeploymentKeyRecord.expires_at <= created_at)
            writes.append(put(made, free, NEW_DEPLOYMENT))
        return writes

    def replace_deployment(self, before: Deployment, after: Deployment) -> Write:
        """Change a deployment; see `DeploymentRecords.replace_deployment`."""
        unchanged = DeploymentRecord.version == before.version
        return put(_deployment_record(after), unchanged, DEPLOYMENT_UNCHANGED)

    def operation(self, customer_id: str, deployment_id: str, operation_id: str) -> Operation | None:
        """One operation; see `DeploymentRecords.operation`."""
        partition = _partition(customer_id, deployment_id)
        try:
            return _operation(OperationRecord.get(partition, f"OPERATION#{operation_id}", consistent_read=True))
        except OperationRecord.DoesNotExist:
            return None

    def insert_operation(self, operation: Operation) -> Write:
        """Keep a new operation; see `DeploymentRecords.insert_operation`."""
        return insert(_operation_record(operation), NEW_DEPLOYMENT)

    def replace_operation(self, before: Operation, after: Operation) -> Write:
        """Change an operation; see `DeploymentRecords.replace_operation`."""
        unchanged = (
            (OperationRecord.fence == before.fence)
            & (OperationRecord.attempt == before.attempt)
            & (OperationRecord.status == before.status.value)
        )
        return put(_operation_record(after), unchanged, DEPLOYMENT_UNCHANGED)

    def operations_to_check(self, shard: int, before: datetime) -> Iterator[Operation]:
        """Operations that have not moved; see `DeploymentRecords.operations_to_check`."""
        due = OperationRecord.gsi2sk < isoformat(before)
        return (
            _operation(record) for record in OperationRecord.query(f"OPERATIONS#{shard}", due, index_name="gsi2")
        )

    def insert_event(self, event: TimelineEvent) -> Write:
        """Append to the timeline; see `DeploymentRecords.insert_event`."""
        record = EventRecord(
            _partition(event.customer_id, event.deployment_id),
            f"EVENT#{event.sequence:08d}",
            at=isoformat(event.at),
            type=event.type,
            message=event.message,
            resource=event.resource or None,
            status=event.status or None,
        )
        return insert(record, DEPLOYMENT_UNCHANGED)

    def events(self, customer_id: str, deployment_id: str, after: int, page: PageRequest) -> Page[TimelineEvent]:
        """A page of the timeline; see `DeploymentRecords.events`."""
        return query_page(
            EventRecord,
            _partition(customer_id, deployment_id),
            page,
            _event,
            sort_key=EventRecord.sk.between(f"EVENT#{after + 1:08d}", "EVENT#~"),
        )

    def take_slot(self, customer_id: str) -> Write:
        """Count one more; see `DeploymentRecords.take_slot`."""
        below_default = SlotsRecord.limit.does_not_exist() & (SlotsRecord.taken < DEFAULT_DEPLOYMENT_LIMIT)
        free = SlotsRecord.taken.does_not_exist() | below_default | (SlotsRecord.taken < SlotsRecord.limit)
        return _count(customer_id, 1, free, SLOT_FREE)

    def customer_is_active(self, customer_id: str) -> Write:
        """Assert that the customer is active; see `DeploymentRecords.customer_is_active`."""
        return active_customer(customer_id, CUSTOMER_ACTIVE)

    def free_slot(self, customer_id: str) -> Write:
        """Count one fewer; see `DeploymentRecords.free_slot`."""
        return _count(customer_id, -1, SlotsRecord.taken > 0, "slot_taken")

    def slots(self, customer_id: str) -> Slots:
        """How many there are and may be; see `DeploymentRecords.slots`."""
        try:
            record = SlotsRecord.get(f"CUSTOMER#{customer_id}", "SLOTS", consistent_read=True)
        except SlotsRecord.DoesNotExist:
            return Slots(0, DEFAULT_DEPLOYMENT_LIMIT)
        return Slots(record.taken, DEFAULT_DEPLOYMENT_LIMIT if record.limit is None else record.limit)

    def set_limit(self, customer_id: str, limit: int) -> Write:
        """Set the customer's own limit; see `DeploymentRecords.set_limit`."""
        actions = [
            SlotsRecord.limit.set(limit),
            SlotsRecord.taken.set(SlotsRecord.taken | 0),
            SlotsRecord.kind.set(SlotsRecord),
        ]
        return update(SlotsRecord(f"CUSTOMER#{customer_id}", "SLOTS"), actions)


def _count(customer_id: str, change: int, condition: Any, asserts: str) -> Write:
    actions = [SlotsRecord.taken.add(change), SlotsRecord.kind.set(SlotsRecord)]
    return update(SlotsRecord(f"CUSTOMER#{customer_id}", "SLOTS"), actions, condition, asserts)


def _filters(wanted: DeploymentFilter) -> Condition | None:
    """What hides the deployments that are not wanted, after they are read."""
    conditions: list[Condition] = []
    if wanted.region:
        conditions.append(DeploymentRecord.region == wanted.region)
    if wanted.project_id:
        conditions.append(DeploymentRecord.project_id == wanted.project_id)
    return reduce(and_, conditions) if conditions else None


def _partition(customer_id: str, deployment_id: str) -> str:
    return f"DEPLOYMENT#{customer_id}#{deployment_id}"


def _key_of(key: str) -> str:
    return f"DEPLOYMENT_KEY#{hashlib.sha256(key.encode()).hexdigest()}"


def _optional_time(text: str | None) -> datetime | None:
    return parse_isoformat(text) if text else None


def _optional_text(instant: datetime | None) -> str | None:
    return isoformat(instant) if instant else None


def _deployment(record: DeploymentRecord) -> Deployment:
    spec: dict[str, Any] = record.spec
    outputs: dict[str, Any] | None = record.outputs
    failure: dict[str, str] | None = record.failure
    return Deployment(
        id=record.sk.removeprefix("DEPLOYMENT#"),
        customer_id=record.pk.removeprefix("CUSTOMER#"),
        name=record.name,
        provider=record.provider,
        provider_region=record.provider_region,
        region=record.region,
        instance_type=record.instance_type,
        image=record.image,
        ssh_key_id=record.ssh_key_id,
        spec=MachineSpec(**{**spec, "storage_kind": StorageKind(spec["storage_kind"])}),
        price_micros_per_hour=record.price_micros_per_hour,
        price_parts=record.price_parts or {},
        status=DeploymentStatus(record.status),
        desired=DesiredState(record.desired),
        created_at=parse_isoformat(record.created_at),
        updated_at=parse_isoformat(record.updated_at),
        project_id=record.project_id or "",
        placement=record.placement or "",
        machine_id=record.machine_id,
        create_called_at=_optional_time(record.create_called_at),
        outputs=MachineOutputs(**outputs) if outputs else None,
        failure=Failure(**failure) if failure else None,
        activated_at=_optional_time(record.activated_at),
        ended_at=_optional_time(record.ended_at),
        operation_id=record.operation_id,
        last_operation_id=record.last_operation_id,
        made_by_key=record.made_by_key or "",
        fence=record.fence,
        holds_slot=record.holds_slot,
        event_sequence=record.event_sequence,
        provider_event_id=record.provider_event_id,
        version=record.version,
    )


def _deployment_record(deployment: Deployment) -> DeploymentRecord:
    return DeploymentRecord(
        f"CUSTOMER#{deployment.customer_id}",
        f"DEPLOYMENT#{deployment.id}",
        gsi1pk=f"CUSTOMER#{deployment.customer_id}#DEPLOYMENTS",
        gsi1sk=f"{deployment.status}#{deployment.id}",
        name=deployment.name,
        provider=deployment.provider,
        provider_region=deployment.provider_region,
        region=deployment.region,
        instance_type=deployment.instance_type,
        image=deployment.image,
        ssh_key_id=deployment.ssh_key_id,
        spec={**asdict(deployment.spec), "tags": dict(deployment.spec.tags)},
        price_micros_per_hour=deployment.price_micros_per_hour,
        price_parts=dict(deployment.price_parts) or None,
        status=deployment.status.value,
        desired=deployment.desired.value,
        created_at=isoformat(deployment.created_at),
        updated_at=isoformat(deployment.updated_at),
        project_id=deployment.project_id or None,
        placement=deployment.placement or None,
        machine_id=deployment.machine_id,
        create_called_at=_optional_text(deployment.create_called_at),
        outputs=asdict(deployment.outputs) if deployment.outputs else None,
        failure=asdict(deployment.failure) if deployment.failure else None,
        activated_at=_optional_text(deployment.activated_at),
        ended_at=_optional_text(deployment.ended_at),
        operation_id=deployment.operation_id,
        last_operation_id=deployment.last_operation_id,
        made_by_key=deployment.made_by_key or None,
        fence=deployment.fence,
        holds_slot=deployment.holds_slot,
        event_sequence=deployment.event_sequence,
        provider_event_id=deployment.provider_event_id,
        version=deployment.version,
    )


def _operation(record: OperationRecord) -> Operation:
    _, customer_id, deployment_id = record.pk.split("#")
    return Operation(
        id=record.sk.removeprefix("OPERATION#"),
        customer_id=customer_id,
        deployment_id=deployment_id,
        type=OperationType(record.type),
        status=OperationStatus(record.status),
        created_at=parse_isoformat(record.created_at),
        deadline_at=parse_isoformat(record.deadline_at),
        fence=record.fence,
        attempt=record.attempt,
        check_at=_optional_time(record.check_at),
        ended_at=_optional_time(record.ended_at),
    )


def _operation_record(operation: Operation) -> OperationRecord:
    shard = zlib.crc32(operation.id.encode()) % OPERATION_SHARDS
    check_at = _optional_text(operation.check_at)
    return OperationRecord(
        _partition(operation.customer_id, operation.deployment_id),
        f"OPERATION#{operation.id}",
        gsi2pk=f"OPERATIONS#{shard}" if check_at else None,
        gsi2sk=check_at,
        type=operation.type.value,
        status=operation.status.value,
        created_at=isoformat(operation.created_at),
        deadline_at=isoformat(operation.deadline_at),
        fence=operation.fence,
        attempt=operation.attempt,
        check_at=check_at,
        ended_at=_optional_text(operation.ended_at),
    )


def _event(record: EventRecord) -> TimelineEvent:
    _, customer_id, deployment_id = record.pk.split("#")
    return TimelineEvent(
        customer_id=customer_id,
        deployment_id=deployment_id,
        sequence=int(record.sk.removeprefix("EVENT#")),
        at=parse_isoformat(record.at),
        type=record.type,
        message=record.message,
        resource=record.resource or "",
        status=record.status or "",
    )
