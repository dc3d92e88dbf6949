"""The composition root: which adapter stands behind which port.

Everything is built on first use and kept for the life of the process, and imported only then, so that a Lambda
pays for what it uses and no more.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.kernel.clock import Clock, SystemClock
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.access.ports import Authenticator, IdempotencyRecords
    from chalicelib.access.service import RateLimiter
    from chalicelib.catalog.availability import GpuAvailability
    from chalicelib.catalog.ports import Capacity
    from chalicelib.catalog.service import CatalogService
    from chalicelib.compute.ports import ComputeProvider
    from chalicelib.compute.ssh_keys import SshKeys
    from chalicelib.insight.ports import ActivityLog
    from chalicelib.kernel.transactions import Transactor


@cache
def settings() -> Settings:
    """This installation's environment."""
    return Settings.from_environment()


@cache
def clock() -> Clock:
    """The source of time."""
    return SystemClock()


@cache
def transactor() -> Transactor:
    """All-or-nothing writes."""
    from chalicelib.adapters.dynamodb.transactor import DynamoTransactor

    return DynamoTransactor()


@cache
def authenticator() -> Authenticator:
    """Who an access token belongs to."""
    raise NotImplementedError


@cache
def rate_limiter() -> RateLimiter:
    """How often somebody may call."""
    from chalicelib.access.service import RateLimiter
    from chalicelib.adapters.dynamodb.access import DynamoRateCounters

    return RateLimiter(DynamoRateCounters(), clock())


@cache
def idempotency_records() -> IdempotencyRecords:
    """Requests made with an Idempotency-Key."""
    from chalicelib.adapters.dynamodb.access import DynamoIdempotencyRecords

    return DynamoIdempotencyRecords()


@cache
def activity_log() -> ActivityLog:
    """What happened, per customer."""
    from chalicelib.adapters.dynamodb.insight import DynamoActivityLog

    return DynamoActivityLog()


@cache
def catalog() -> CatalogService:
    """What is sold, where and for how much."""
    from chalicelib.adapters.dynamodb.catalog import DynamoCatalogRecords
    from chalicelib.catalog.service import CatalogService

    return CatalogService(DynamoCatalogRecords(transactor()), clock())


@cache
def gpu_availability() -> GpuAvailability:
    """How many GPUs are free."""
    from chalicelib.adapters.dynamodb.catalog import DynamoMeasurements
    from chalicelib.catalog.availability import GpuAvailability

    return GpuAvailability(_capacity_of, DynamoMeasurements(), clock())


def _capacity_of(provider_id: str) -> Capacity | None:
    from chalicelib.compute.ports import SupportsCapacity

    found = provider(provider_id)
    return found if isinstance(found, SupportsCapacity) else None


@cache
def ssh_keys() -> SshKeys:
    """Customers' SSH keys."""
    from chalicelib.adapters.dynamodb.ssh_keys import DynamoSshKeyRecords
    from chalicelib.compute.ssh_keys import SshKeys

    return SshKeys(DynamoSshKeyRecords(), transactor(), clock())


@cache
def provider(provider_id: str) -> ComputeProvider:
    """The adapter of an upstream account."""
    raise NotImplementedError
