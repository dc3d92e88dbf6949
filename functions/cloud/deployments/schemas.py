"""Requests and responses of the deployment endpoints."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import groupby, pairwise
from typing import Annotated, ClassVar, Self

from pydantic import AliasChoices, Field, StringConstraints

from chalicelib.domain.cloud.deployments.models import (
    Accepted,
    Deployment,
    DeploymentFilter,
    DeploymentRequest,
    DeploymentStatus,
    DesiredState,
    Quote,
    TimelineEvent,
)
from chalicelib.domain.cloud.deployments.usage import Usage
from chalicelib.domain.cloud.providers.models import StorageKind
from chalicelib.domain.money.metering.models import Meter, UsageRecord
from chalicelib.http import ApiModel, Money, PageQuery
from chalicelib.http.models import id_of
from chalicelib.kernel.clock import from_epoch_seconds
from chalicelib.kernel.ids import Kind
from functions.cloud.catalog.schemas import PriceChangeView

DeploymentId = id_of(Kind.DEPLOYMENT)
CatalogId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]


class StorageChoice(ApiModel):
    """The storage plan and its size. With local storage the machine gets the whole disk of its type."""

    kind: StorageKind = StorageKind.LOCAL
    size_gb: int | None = Field(default=None, ge=1, le=100_000, examples=[100])


class QuoteBody(ApiModel):
    """A machine, described by ids of the catalogue."""

    region: CatalogId = Field(examples=["montreal"])
    instance_type: CatalogId = Field(examples=["cpu-4x8"])
    image_id: CatalogId = Field(examples=["ubuntu-22.04"], validation_alias=AliasChoices("imageId", "image"))
    storage: StorageChoice = StorageChoice()

    def wanted(self, ssh_key_id: str = "", name: str = "", project_id: str = "") -> DeploymentRequest:
        """The request as the domain's type."""
        return DeploymentRequest(
            region=self.region,
            instance_type=self.instance_type,
            image=self.image_id,
            storage_kind=self.storage.kind,
            storage_gb=self.storage.size_gb,
            ssh_key_id=ssh_key_id,
            name=name,
            project_id=project_id,
        )


class DeploymentBody(QuoteBody):
    """A machine to order."""

    ssh_key_id: id_of(Kind.SSH_KEY)  # type: ignore[valid-type]
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,61}[A-Za-z0-9])?$")] | None = (
        None
    )
    project_id: id_of(Kind.PROJECT) | None = None  # type: ignore[valid-type]


class QuoteView(ApiModel):
    """What a machine would cost, and what prevents it."""

    available: bool | None = Field(
        description="null if unknown, or if the region does not count machines of this type"
    )
    price_per_hour: Money
    price_changes: list[PriceChangeView] = Field(description="announced changes of this machine's price")
    hold: Money = Field(description="the balance that must be available; it is held while the machine is built")
    balance_available: Money
    deployments_used: int
    deployments_limit: int
    warnings: list[str]

    @classmethod
    def of(cls, quote: Quote) -> Self:
        """The view of `quote`."""
        return cls(
            available=quote.available,
            price_per_hour=Money.of(quote.price_micros_per_hour),
            price_changes=PriceChangeView.all_of(quote.price_changes),
            hold=Money.of(quote.hold_micros),
            balance_available=Money.of(quote.balance.available_micros),
            deployments_used=quote.slots_taken,
            deployments_limit=quote.slot_limit,
            warnings=list(quote.warnings),
        )


class DeploymentAccepted(ApiModel):
    """A change that has begun. Follow it through the deployment and its events."""

    deployment_id: str
    operation_id: str
    status: DeploymentStatus = Field(
        description="PROVISIONING or DELETING while the operation works; DELETED if nothing is left to do"
    )

    @classmethod
    def of(cls, accepted: Accepted) -> Self:
        """The view of `accepted`."""
        status = accepted.deployment.status
        if status is DeploymentStatus.REQUESTED:
            status = DeploymentStatus.PROVISIONING
        return cls(deployment_id=accepted.deployment.id, operation_id=accepted.operation.id, status=status)


class AddressesView(ApiModel):
    """How to reach a machine."""

    public_ipv4: str | None
    private_ipv4: str


class FailureView(ApiModel):
    """Why a machine could not be built."""

    code: str
    message: str


class DeploymentView(ApiModel):
    """A deployment."""

    id: str
    name: str
    status: DeploymentStatus
    desired_state: DesiredState
    region: str
    instance_type: str
    image_id: str
    storage: StorageChoice
    ssh_key_id: str
    project_id: str | None
    price_per_hour: Money
    addresses: AddressesView | None
    failure: FailureView | None
    operation_id: str | None = Field(description="the operation in progress")
    created_at: datetime
    updated_at: datetime
    activated_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, deployment: Deployment) -> Self:
        """The view of `deployment`."""
        outputs, failure = deployment.outputs, deployment.failure
        return cls(
            id=deployment.id,
            name=deployment.name,
            status=deployment.status,
            desired_state=deployment.desired,
            region=deployment.region,
            instance_type=deployment.instance_type,
            image_id=deployment.image,
            storage=StorageChoice(kind=deployment.spec.storage_kind, size_gb=deployment.spec.storage_gb),
            ssh_key_id=deployment.ssh_key_id,
            project_id=deployment.project_id or None,
            price_per_hour=Money.of(deployment.price_micros_per_hour),
            addresses=AddressesView(public_ipv4=outputs.public_ipv4, private_ipv4=outputs.private_ipv4)
            if outputs
            else None,
            failure=FailureView(code=failure.code, message=failure.message) if failure else None,
            operation_id=deployment.operation_id,
            created_at=deployment.created_at,
            updated_at=deployment.updated_at,
            activated_at=deployment.activated_at,
            ended_at=deployment.ended_at,
        )


class Order(StrEnum):
    """The order of a list of deployments."""

    NEWEST_FIRST = "-createdAt"
    OLDEST_FIRST = "createdAt"


class DeploymentQuery(PageQuery):
    """Selects and orders deployments."""

    status: DeploymentStatus | None = None
    region: CatalogId | None = None
    project_id: id_of(Kind.PROJECT) | None = None  # type: ignore[valid-type]
    sort: Order = Order.NEWEST_FIRST

    def wanted(self) -> DeploymentFilter:
        """The request as the domain's type."""
        return DeploymentFilter(
            self.status, self.region, self.project_id or "", ascending=self.sort is Order.OLDEST_FIRST
        )


class ProjectChoice(ApiModel):
    """The project to put a deployment into."""

    audited_fields: ClassVar[frozenset[str]] = frozenset({"project_id"})

    project_id: id_of(Kind.PROJECT) | None = Field(description="null for none")  # type: ignore[valid-type]


class EventQuery(PageQuery):
    """Selects a part of a timeline."""

    after: int = Field(default=0, ge=0, le=99_999_998, description="the `sequence` of the last event you have")


class EventView(ApiModel):
    """One line of a deployment's timeline."""

    sequence: int
    at: datetime
    type: str = Field(
        examples=["requested", "provisioning", "resource", "active", "failed", "deleting", "deleted"]
    )
    message: str
    resource: str | None
    status: str | None

    @classmethod
    def of(cls, event: TimelineEvent) -> Self:
        """The view of `event`."""
        return cls(
            sequence=event.sequence,
            at=event.at,
            type=event.type,
            message=event.message,
            resource=event.resource or None,
            status=event.status or None,
        )


class UsageIntervalView(ApiModel):
    """One charged interval. If it ends before it starts, it gives back what was charged too far ahead."""

    start: datetime
    end: datetime
    seconds: int
    price_per_hour: Money
    amount: Money
    ledger_sequence: int | None = Field(
        description="the number of its ledger entry; null where the amount is zero"
    )

    @classmethod
    def of(cls, record: UsageRecord, meter: Meter) -> Self:
        """The view of `record`, an interval of `meter`."""
        return cls(
            start=from_epoch_seconds(record.start),
            end=from_epoch_seconds(record.end),
            seconds=record.end - record.start,
            price_per_hour=Money.of(meter.price_micros_per_hour),
            amount=Money.of(record.amount_micros),
            ledger_sequence=record.entry_sequence,
        )


class UsageProof(ApiModel):
    """The checks of the intervals on this page (G05)."""

    rule: str = "price per hour × seconds since the start ÷ 3600, rounded down to a micro-dollar"
    tiles: bool = Field(description="each interval starts where the one before it ends")
    sums: bool = Field(description="the intervals add up to the charge for the whole time that they cover")


class UsageView(ApiModel):
    """What a deployment was charged, oldest interval first."""

    deployment_id: str
    price_per_hour: Money
    billed_from: datetime | None
    billed_until: datetime | None = Field(description="the end of what has been charged")
    closed: bool
    total: Money = Field(description="everything charged so far")
    intervals: list[UsageIntervalView]
    proof: UsageProof
    next_cursor: str | None

    @classmethod
    def of(cls, usage: Usage) -> Self:
        """The view of `usage`."""
        meters, records = usage.meters, list(usage.intervals.items)
        by_number = {meter.number: meter for meter in meters}
        return cls(
            deployment_id=usage.deployment.id,
            price_per_hour=Money.of(usage.deployment.price_micros_per_hour),
            billed_from=from_epoch_seconds(meters[0].opened_at) if meters else None,
            billed_until=_billed_until(meters),
            closed=bool(meters) and meters[-1].closed_at is not None,
            total=Money.of(sum(meter.charge_until(meter.watermark) for meter in meters)),
            intervals=[UsageIntervalView.of(record, by_number[record.meter]) for record in records],
            proof=UsageProof(tiles=_tiles(by_number, records), sums=_sums(by_number, records)),
            next_cursor=usage.intervals.next_cursor,
        )


def _billed_until(meters: Sequence[Meter]) -> datetime | None:
    """The end of what has been charged; a meter that began after the machine's end has charged nothing."""
    last = next((meter for meter in reversed(meters) if not meter.is_cut_back), None)
    return from_epoch_seconds(last.watermark) if last else None


def _tiles(meters: Mapping[int, Meter], records: Sequence[UsageRecord]) -> bool:
    """Whether each interval on this page starts where the one before it ends, also across changes of price."""

    def follows(meter: Meter) -> bool:
        return meter.continues and not meter.is_cut_back

    pairs = ((a, b) for a, b in pairwise(records) if a.meter == b.meter or follows(meters[b.meter]))
    return all(a.end == b.start for a, b in pairs)


def _sums(meters: Mapping[int, Meter], records: Sequence[UsageRecord]) -> bool:
    """Whether each meter's intervals on this page add up to the charge for the whole time that they cover."""
    for number, group in groupby(records, key=lambda record: record.meter):
        own = list(group)
        expected = meters[number].charge_until(own[-1].end) - meters[number].charge_until(own[0].start)
        if sum(record.amount_micros for record in own) != expected:
            return False
    return True
