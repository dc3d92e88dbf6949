"""Deployments, their operations and timelines."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any

from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamodb.cloud.deployment_items import (
    DeploymentKeyRecord,
    DeploymentRecord,
    EventRecord,
    OperationRecord,
    SlotsRecord,
    deployment_of,
    deployment_record,
    event_of,
    operation_of,
    operation_record,
    partition_of,
)
from chalicelib.adapters.dynamodb.foundation.places import active_customer
from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.transactor import insert, put, update
from chalicelib.domain.cloud.deployments.models import (
    DEFAULT_DEPLOYMENT_LIMIT,
    Deployment,
    DeploymentFilter,
    Operation,
    Slots,
    TimelineEvent,
)
from chalicelib.domain.cloud.deployments.ports import (
    CUSTOMER_ACTIVE,
    DEPLOYMENT_UNCHANGED,
    NEW_DEPLOYMENT,
    SLOT_FREE,
)
from chalicelib.domain.money.metering.models import Meter
from chalicelib.domain.money.metering.ports import METER_UNCHANGED
from chalicelib.kernel.clock import epoch_seconds, isoformat
from chalicelib.kernel.limits import IDEMPOTENCY_KEY_TTL_SECONDS
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write


class DynamoDeploymentRecords:
    """`DeploymentRecords` on the single table."""

    def deployment(self, customer_id: str, deployment_id: str) -> Deployment | None:
        """A customer's deployment; see `DeploymentRecords.deployment`."""
        key = f"DEPLOYMENT#{deployment_id}"
        try:
            record = DeploymentRecord.get(f"CUSTOMER#{customer_id}", key, consistent_read=True)
        except DeploymentRecord.DoesNotExist:
            return None
        return deployment_of(record)

    def deployments(self, customer_id: str, wanted: DeploymentFilter, page: PageRequest) -> Page[Deployment]:
        """A page of deployments; see `DeploymentRecords.deployments`."""
        filters = _filters(wanted)
        if wanted.status is None:
            return query_page(
                DeploymentRecord,
                f"CUSTOMER#{customer_id}",
                page,
                deployment_of,
                sort_key=DeploymentRecord.sk.startswith("DEPLOYMENT#"),
                filters=filters,
                ascending=wanted.ascending,
            )
        return query_page(
            DeploymentRecord,
            f"CUSTOMER#{customer_id}#DEPLOYMENTS",
            page,
            deployment_of,
            sort_key=DeploymentRecord.gsi1sk.startswith(f"{wanted.status}#"),
            index_name="gsi1",
            filters=filters,
            ascending=wanted.ascending,
        )

    def all_deployments(self, customer_id: str) -> Iterator[Deployment]:
        """Every deployment of a customer; see `DeploymentRecords.all_deployments`."""
        of_deployments = DeploymentRecord.sk.startswith("DEPLOYMENT#")
        found = DeploymentRecord.query(f"CUSTOMER#{customer_id}", of_deployments, consistent_read=True)
        return (deployment_of(record) for record in found)

    def deployment_of_key(self, customer_id: str, key: str, at: datetime) -> tuple[str, str] | None:
        """Return what an idempotency key created; see `DeploymentRecords.deployment_of_key`."""
        try:
            record = DeploymentKeyRecord.get(f"CUSTOMER#{customer_id}", _key_of(key), consistent_read=True)
        except DeploymentKeyRecord.DoesNotExist:
            return None
        if record.expires_at is not None and record.expires_at <= epoch_seconds(at):
            return None  # expired, but DynamoDB has not deleted it yet
        return record.deployment_id, record.operation_id

    def insert_deployment(self, deployment: Deployment, operation: Operation, key: str | None) -> Sequence[Write]:
        """Add a deployment; see `DeploymentRecords.insert_deployment`."""
        writes = [insert(deployment_record(deployment), NEW_DEPLOYMENT)]
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
        """Replace a deployment; see `DeploymentRecords.replace_deployment`."""
        unchanged = DeploymentRecord.version == before.version
        return put(deployment_record(after), unchanged, DEPLOYMENT_UNCHANGED)

    def operation(self, customer_id: str, deployment_id: str, operation_id: str) -> Operation | None:
        """One operation; see `DeploymentRecords.operation`."""
        partition = partition_of(customer_id, deployment_id)
        try:
            return operation_of(OperationRecord.get(partition, f"OPERATION#{operation_id}", consistent_read=True))
        except OperationRecord.DoesNotExist:
            return None

    def insert_operation(self, operation: Operation) -> Write:
        """Add an operation; see `DeploymentRecords.insert_operation`."""
        return insert(operation_record(operation), NEW_DEPLOYMENT)

    def replace_operation(self, before: Operation, after: Operation) -> Write:
        """Replace an operation; see `DeploymentRecords.replace_operation`."""
        unchanged = (
            (OperationRecord.fence == before.fence)
            & (OperationRecord.attempt == before.attempt)
            & (OperationRecord.status == before.status.value)
        )
        return put(operation_record(after), unchanged, DEPLOYMENT_UNCHANGED)

    def operations_to_check(self, shard: int, before: datetime) -> Iterator[Operation]:
        """Yield operations without progress; see `DeploymentRecords.operations_to_check`."""
        due = OperationRecord.gsi2sk < isoformat(before)
        return (
            operation_of(record) for record in OperationRecord.query(f"OPERATIONS#{shard}", due, index_name="gsi2")
        )

    def insert_event(self, event: TimelineEvent) -> Write:
        """Append to the timeline; see `DeploymentRecords.insert_event`."""
        record = EventRecord(
            partition_of(event.customer_id, event.deployment_id),
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
            partition_of(customer_id, deployment_id),
            page,
            event_of,
            sort_key=EventRecord.sk.between(f"EVENT#{after + 1:08d}", "EVENT#~"),
        )

    def show_price(self, meter: Meter) -> Sequence[Write]:
        """Store the price of a running machine; see `PriceTags.show_price`."""
        actions = [
            DeploymentRecord.price_micros_per_hour.set(meter.price_micros_per_hour),
            DeploymentRecord.version.add(1),  # a request that read the old price must read again
        ]
        machine = DeploymentRecord(f"CUSTOMER#{meter.customer_id}", f"DEPLOYMENT#{meter.deployment_id}")
        return [update(machine, actions, DeploymentRecord.pk.exists(), METER_UNCHANGED)]

    def take_slot(self, customer_id: str) -> Write:
        """Count one more deployment; see `DeploymentRecords.take_slot`."""
        below_default = SlotsRecord.limit.does_not_exist() & (SlotsRecord.taken < DEFAULT_DEPLOYMENT_LIMIT)
        free = SlotsRecord.taken.does_not_exist() | below_default | (SlotsRecord.taken < SlotsRecord.limit)
        return _count(customer_id, 1, free, SLOT_FREE)

    def customer_is_active(self, customer_id: str) -> Write:
        """Assert that the customer is active; see `DeploymentRecords.customer_is_active`."""
        return active_customer(customer_id, CUSTOMER_ACTIVE)

    def free_slot(self, customer_id: str) -> Write:
        """Count one deployment less; see `DeploymentRecords.free_slot`."""
        return _count(customer_id, -1, SlotsRecord.taken > 0, "slot_taken")

    def slots(self, customer_id: str) -> Slots:
        """Return the count and the limit; see `DeploymentRecords.slots`."""
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
    """Return the filter condition of a list, which DynamoDB applies after reading."""
    conditions: list[Condition] = []
    if wanted.region:
        conditions.append(DeploymentRecord.region == wanted.region)
    if wanted.project_id:
        conditions.append(DeploymentRecord.project_id == wanted.project_id)
    return reduce(and_, conditions) if conditions else None


def _key_of(key: str) -> str:
    return f"DEPLOYMENT_KEY#{hashlib.sha256(key.encode()).hexdigest()}"
