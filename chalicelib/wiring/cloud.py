"""Providers, the catalogue, and deployments."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING

from chalicelib.wiring.area import Area

if TYPE_CHECKING:
    from chalicelib.adapters.aws.workflows import StepFunctionsWorkflows
    from chalicelib.adapters.dynamodb.cloud.catalog import DynamoCatalogRecords
    from chalicelib.adapters.dynamodb.cloud.deployments import DynamoDeploymentRecords
    from chalicelib.adapters.dynamodb.cloud.prices import DynamoAnnouncements
    from chalicelib.adapters.dynamodb.cloud.ssh_keys import DynamoSshKeyRecords
    from chalicelib.adapters.dynamodb.cloud.suspension import DynamoWatchRecords
    from chalicelib.domain.cloud.announcements.service import PriceAnnouncements
    from chalicelib.domain.cloud.catalog.availability import GpuAvailability
    from chalicelib.domain.cloud.catalog.loading import CatalogLoader
    from chalicelib.domain.cloud.catalog.service import CatalogService
    from chalicelib.domain.cloud.deployments.admission import Admission
    from chalicelib.domain.cloud.deployments.ordering import Ordering
    from chalicelib.domain.cloud.deployments.placing import Placing
    from chalicelib.domain.cloud.deployments.reading import Reading
    from chalicelib.domain.cloud.deployments.removal import Removal
    from chalicelib.domain.cloud.deployments.usage import UsageReports
    from chalicelib.domain.cloud.lifecycle.power import PowerSwitch
    from chalicelib.domain.cloud.lifecycle.reconciler import Reconciler
    from chalicelib.domain.cloud.lifecycle.service import Lifecycle
    from chalicelib.domain.cloud.projects.ports import ProjectRecords
    from chalicelib.domain.cloud.projects.service import Projects
    from chalicelib.domain.cloud.providers.ports import ComputeProvider, Providers, SupportsCapacity
    from chalicelib.domain.cloud.ssh_keys.service import SshKeys
    from chalicelib.domain.cloud.suspension.service import BalanceWatch, Suspensions
    from chalicelib.wiring.core import Core, Parts
    from chalicelib.wiring.foundation import Foundation
    from chalicelib.wiring.money.invoices import Money
    from chalicelib.wiring.people.organisations import People


class Cloud(Area):
    """Providers, the catalogue, and deployments."""

    def __init__(self, core: Core, given: Parts, foundation: Foundation, people: People, money: Money) -> None:
        super().__init__(core, given)
        self.foundation = foundation
        self.people = people
        self.money = money

    @cached_property
    def watch_records(self) -> DynamoWatchRecords:
        """Storage of balance watches."""
        from chalicelib.adapters.dynamodb.cloud.suspension import DynamoWatchRecords

        return DynamoWatchRecords()

    @cached_property
    def ssh_key_records(self) -> DynamoSshKeyRecords:
        """Storage of SSH keys."""
        from chalicelib.adapters.dynamodb.cloud.ssh_keys import DynamoSshKeyRecords

        return DynamoSshKeyRecords()

    @cached_property
    def catalog_records(self) -> DynamoCatalogRecords:
        """Storage of the catalogue."""
        from chalicelib.adapters.dynamodb.cloud.catalog import DynamoCatalogRecords

        return DynamoCatalogRecords(self.core.transactor)

    @cached_property
    def announcement_records(self) -> DynamoAnnouncements:
        """Storage of price announcements."""
        from chalicelib.adapters.dynamodb.cloud.prices import DynamoAnnouncements

        return DynamoAnnouncements()

    @cached_property
    def catalog(self) -> CatalogService:
        """The catalogue: products, regions and prices."""
        from chalicelib.domain.cloud.catalog.service import CatalogService

        return CatalogService(self.catalog_records, self.core.clock)

    @cached_property
    def catalog_loader(self) -> CatalogLoader:
        """Loads the catalogue's data into the table."""
        from chalicelib.domain.cloud.catalog.loading import CatalogLoader

        return CatalogLoader(self.catalog_records, self.money.prices, self.announcement_records, self.core.clock)

    @cached_property
    def price_announcements(self) -> PriceAnnouncements:
        """Announces new prices to customers."""
        from chalicelib.domain.cloud.announcements.service import PriceAnnouncements

        return PriceAnnouncements(
            self.announcement_records,
            self.money.prices,
            self.money.meter_records,
            self.deployment_records,
            self.people.customer_mail,
            self.core.transactor,
            self.core.clock,
        )

    @cached_property
    def gpu_availability(self) -> GpuAvailability:
        """The number of free GPUs."""
        from chalicelib.adapters.dynamodb.cloud.catalog import DynamoMeasurements
        from chalicelib.domain.cloud.catalog.availability import GpuAvailability

        return GpuAvailability(self._capacity_of, DynamoMeasurements(), self.core.clock)

    def _capacity_of(self, provider_id: str) -> SupportsCapacity | None:
        from chalicelib.domain.cloud.providers.ports import SupportsCapacity

        found = self.provider(provider_id)
        return found if isinstance(found, SupportsCapacity) else None

    @cached_property
    def ssh_keys(self) -> SshKeys:
        """Customers' SSH keys."""
        from chalicelib.domain.cloud.ssh_keys.service import SshKeys

        return SshKeys(self.ssh_key_records, self.core.transactor, self.core.clock)

    @cached_property
    def provider(self) -> Providers:
        """The adapters of providers, by id; each is built once."""
        return cache(self._provider)

    def _provider(self, provider_id: str) -> ComputeProvider:
        """The adapter of a provider.

        Raises:
            NotFound: there is no provider with this id.
        """
        from chalicelib.adapters.aws.secrets import secret_text
        from chalicelib.adapters.providers.openstack.config import OpenStackConfig
        from chalicelib.adapters.providers.openstack.provider import OpenStackProvider
        from chalicelib.kernel.errors import NotFound

        if provider_id != "openstack":
            raise NotFound(f"There is no provider called {provider_id}.")
        return OpenStackProvider(
            OpenStackConfig.from_secret(secret_text(self.core.settings.provider_secret_id)), self.core.clock
        )

    @cached_property
    def deployment_records(self) -> DynamoDeploymentRecords:
        """Storage of deployments, operations and timelines."""
        from chalicelib.adapters.dynamodb.cloud.deployments import DynamoDeploymentRecords

        return DynamoDeploymentRecords()

    @cached_property
    def reading(self) -> Reading:
        """Reads deployments."""
        from chalicelib.domain.cloud.deployments.reading import Reading

        return Reading(self.deployment_records)

    @cached_property
    def admission(self) -> Admission:
        """Quotes a deployment's price, and tells why it cannot be ordered."""
        from chalicelib.domain.cloud.deployments.admission import Admission

        return Admission(
            self.deployment_records,
            self.catalog,
            self.gpu_availability,
            self.money.ledger,
            self.suspensions,
            self.money.spending_room,
            self.core.clock,
        )

    @cached_property
    def placing(self) -> Placing:
        """Moves deployments between projects."""
        from chalicelib.domain.cloud.deployments.placing import Placing

        return Placing(
            self.deployment_records, self.reading, self.project_records, self.core.transactor, self.core.clock
        )

    @cached_property
    def ordering(self) -> Ordering:
        """Orders deployments."""
        from chalicelib.domain.cloud.deployments.ordering import Ordering

        return Ordering(
            self.deployment_records,
            self.admission,
            self.ssh_keys,
            self.placing,
            self.core.transactor,
            self.core.clock,
        )

    @cached_property
    def removal(self) -> Removal:
        """Deletes deployments."""
        from chalicelib.domain.cloud.deployments.removal import Removal

        return Removal(
            self.deployment_records,
            self.reading,
            self.money.ledger,
            self.money.metering,
            self.core.transactor,
            self.core.clock,
        )

    @cached_property
    def project_records(self) -> ProjectRecords:
        """Storage of projects."""
        from chalicelib.adapters.dynamodb.cloud.projects import DynamoProjects

        return DynamoProjects()

    @cached_property
    def projects(self) -> Projects:
        """Customers' projects."""
        from chalicelib.domain.cloud.projects.service import Projects

        return Projects(self.project_records, self.core.transactor, self.core.clock)

    @cached_property
    def usage_reports(self) -> UsageReports:
        """Charges of deployments, by hour and by day."""
        from chalicelib.domain.cloud.deployments.usage import UsageReports

        return UsageReports(self.reading, self.money.meter_records)

    @cached_property
    def lifecycle(self) -> Lifecycle:
        """The steps of the state machines."""
        from chalicelib.domain.cloud.deployments.steps import Leases
        from chalicelib.domain.cloud.lifecycle.service import Lifecycle

        return Lifecycle(
            Leases(self.deployment_records, self.core.clock),
            self.provider,
            self.money.ledger,
            self.money.metering,
            self.foundation.staff_alerts,
            self.core.transactor,
        )

    @cached_property
    def power_switch(self) -> PowerSwitch:
        """Switches machines off and on."""
        from chalicelib.domain.cloud.lifecycle.power import PowerSwitch

        return PowerSwitch(
            self.deployment_records,
            self.provider,
            self.money.ledger,
            self.money.metering,
            self.foundation.staff_alerts,
            self.core.transactor,
            self.core.clock,
        )

    @cached_property
    def workflows(self) -> StepFunctionsWorkflows:
        """The state machines."""
        from chalicelib.adapters.aws.workflows import StepFunctionsWorkflows

        return StepFunctionsWorkflows(self.core.settings.state_machine_arn_prefix)

    @cached_property
    def reconciler(self) -> Reconciler:
        """Finishes operations that have stalled."""
        from chalicelib.domain.cloud.lifecycle.reconciler import Reconciler

        return Reconciler(self.deployment_records, self.workflows, self.core.transactor, self.core.clock)

    @cached_property
    def suspensions(self) -> Suspensions:
        """Tells whether a customer is in good standing."""
        from chalicelib.domain.cloud.suspension.service import Suspensions

        return Suspensions(self.watch_records)

    @cached_property
    def balance_watch(self) -> BalanceWatch:
        """Watches balances, and suspends customers whose balance reaches zero."""
        from datetime import timedelta

        from chalicelib.domain.cloud.suspension.consequences import Consequences
        from chalicelib.domain.cloud.suspension.looks import Circumstances, Looks, Notices
        from chalicelib.domain.cloud.suspension.service import BalanceWatch

        looks = Looks(
            self.watch_records,
            Circumstances(
                self.money.ledger_records, self.money.cap_records, self.deployment_records, self.power_switch
            ),
            Notices(self.people.customer_mail, self.foundation.activity_log),
            self.core.transactor,
            self.core.clock,
            grace=timedelta(hours=int(self.core.settings.suspension_grace_hours)),
        )
        consequences = Consequences(self.power_switch, self.removal)
        return BalanceWatch(self.watch_records, self.workflows, looks, consequences, self.core.clock)
