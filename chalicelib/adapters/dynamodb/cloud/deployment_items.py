"""The items of deployments, operations and timelines, and their conversion to and from models."""

import zlib
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute

from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalInteger, OptionalText, Record
from chalicelib.domain.cloud.deployments.models import (
    Deployment,
    DeploymentStatus,
    DesiredState,
    Failure,
    Operation,
    OperationStatus,
    OperationType,
    TimelineEvent,
)
from chalicelib.domain.cloud.deployments.ports import OPERATION_SHARDS
from chalicelib.domain.cloud.providers.models import MachineOutputs, MachineSpec, StorageKind
from chalicelib.kernel.clock import isoformat, parse_isoformat


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
    """`CUSTOMER#<customer>` / `DEPLOYMENT_KEY#<hash>`: the deployment created with an idempotency key."""

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
    """`CUSTOMER#<customer>` / `SLOTS`: how many deployments exist, and the limit if staff have set one."""

    taken = IntegerAttribute()
    limit = OptionalInteger()


def _optional_time(text: str | None) -> datetime | None:
    return parse_isoformat(text) if text else None


def _optional_text(instant: datetime | None) -> str | None:
    return isoformat(instant) if instant else None


def deployment_of(record: DeploymentRecord) -> Deployment:
    """Convert an item into a deployment."""
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


def deployment_record(deployment: Deployment) -> DeploymentRecord:
    """Convert a deployment into an item."""
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


def operation_of(record: OperationRecord) -> Operation:
    """Convert an item into an operation."""
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


def operation_record(operation: Operation) -> OperationRecord:
    """Convert an operation into an item."""
    shard = zlib.crc32(operation.id.encode()) % OPERATION_SHARDS
    check_at = _optional_text(operation.check_at)
    return OperationRecord(
        partition_of(operation.customer_id, operation.deployment_id),
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


def event_of(record: EventRecord) -> TimelineEvent:
    """Convert an item into a timeline event."""
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


def partition_of(customer_id: str, deployment_id: str) -> str:
    """Return the partition of a deployment's operations and timeline."""
    return f"DEPLOYMENT#{customer_id}#{deployment_id}"
