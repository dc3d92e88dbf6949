"""The container of the area `operations`: the customer directory, closing accounts, and the proof of the
ledger.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.wiring.area import Area

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.operations.departure import DynamoClosings
    from chalicelib.adapters.dynamodb.operations.directory import DynamoDirectory
    from chalicelib.domain.operations.departure.erasure import Erasure
    from chalicelib.domain.operations.departure.exports import DataExports
    from chalicelib.domain.operations.departure.ports import Archives
    from chalicelib.domain.operations.departure.service import Closings
    from chalicelib.domain.operations.directory.search import Directory, DirectoryKeeper
    from chalicelib.domain.operations.directory.service import CustomerDesk, CustomerFiles, CustomerOpening
    from chalicelib.domain.operations.proof.comparison import Comparison
    from chalicelib.domain.operations.proof.service import DailyProof, Proof
    from chalicelib.wiring.cloud import Cloud
    from chalicelib.wiring.core import Core, Parts
    from chalicelib.wiring.foundation import Foundation
    from chalicelib.wiring.money.invoices import Money
    from chalicelib.wiring.people.organisations import People


class Operations(Area):
    """The customer directory, closing accounts, and the proof of the ledger."""

    def __init__(
        self, core: Core, given: Parts, foundation: Foundation, people: People, money: Money, cloud: Cloud
    ) -> None:
        super().__init__(core, given)
        self.foundation = foundation
        self.people = people
        self.money = money
        self.cloud = cloud

    @cached_property
    def directory_records(self) -> DynamoDirectory:
        """Storage of the directory."""
        from chalicelib.adapters.dynamodb.operations.directory import DynamoDirectory

        return DynamoDirectory()

    @cached_property
    def closing_records(self) -> DynamoClosings:
        """Storage of closed customers."""
        from chalicelib.adapters.dynamodb.operations.departure import DynamoClosings

        return DynamoClosings()

    @cached_property
    def comparison(self) -> Comparison:
        """Compares gateways' payments with the ledger."""
        from chalicelib.adapters.aws.reports import S3Reports
        from chalicelib.domain.operations.proof.comparison import Comparison

        return Comparison(
            lambda: {name: self.money.gateway(name) for name in self.money.gateway_names},
            self.money.top_up_records,
            self.money.ledger_records,
            self.money.settlement,
            self.money.bank_desk,
            S3Reports(self.core.settings.reports_bucket),
            self.foundation.staff_alerts,
            self.core.clock,
        )

    @cached_property
    def directory(self) -> Directory:
        """Finds customers for staff."""
        from chalicelib.domain.operations.directory.search import Directory

        return Directory(self.directory_records)

    @cached_property
    def directory_keeper(self) -> DirectoryKeeper:
        """Keeps the directory up to date with the customers."""
        from chalicelib.domain.operations.directory.search import DirectoryKeeper

        return DirectoryKeeper(
            self.directory_records,
            self.money.ledger_records,
            self.people.customers,
            self.people.member_records,
            self.people.users,
            self.core.transactor,
        )

    @cached_property
    def customer_opening(self) -> CustomerOpening:
        """Opens customers for people who have not registered."""
        from chalicelib.domain.operations.directory.service import CustomerOpening

        return CustomerOpening(
            users=self.people.users,
            accounts=self.money.ledger,
            letters=self.people.letters,
            passwords=self.people.passwords,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )

    @cached_property
    def customer_files(self) -> CustomerFiles:
        """Shows staff a customer."""
        from chalicelib.domain.operations.directory.service import CustomerFiles

        return CustomerFiles(
            customers=self.people.customers,
            members=self.people.member_records,
            balances=self.money.ledger,
            standing=self.cloud.suspensions,
            slots=self.cloud.deployment_records,
            invoices=self.money.billing_records,
        )

    @cached_property
    def customer_desk(self) -> CustomerDesk:
        """Changes customers for staff."""
        from chalicelib.domain.operations.directory.service import CustomerDesk

        return CustomerDesk(
            customers=self.people.customers,
            files=self.customer_files,
            slots=self.cloud.deployment_records,
            mail=self.people.customer_mail,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )

    @cached_property
    def proof(self) -> Proof:
        """Compares the books, the meters, the deployments and the payments."""
        from chalicelib.domain.operations.proof.books import Readers
        from chalicelib.domain.operations.proof.service import Proof

        readers = Readers(
            self.money.ledger_records,
            self.money.meter_records,
            self.cloud.deployment_records,
            self.money.prices,
            self.money.top_up_records,
            self.money.refund_records,
        )
        return Proof(readers, self.core.clock)

    @cached_property
    def daily_proof(self) -> DailyProof:
        """Runs the proof, stores the report, and alerts staff about differences."""
        from chalicelib.adapters.aws.reports import S3Reports
        from chalicelib.domain.operations.proof.service import DailyProof

        return DailyProof(self.proof, S3Reports(self.core.settings.reports_bucket), self.foundation.staff_alerts)

    @cached_property
    def closings(self) -> Closings:
        """Closes customers."""
        from chalicelib.domain.operations.departure.service import Books, Closings, OwnerRemoval

        return Closings(
            records=self.closing_records,
            books=Books(
                self.money.ledger,
                self.cloud.deployment_records,
                self.money.top_up_records,
                self.money.auto_top_up_records,
                self.money.invoicing,
            ),
            ledger=self.money.ledger,
            owner=OwnerRemoval(
                records=self.closing_records,
                users=self.people.users,
                members=self.people.member_records,
                sessions=self.people.sessions,
                rosters=self.people.rosters,
            ),
            letters=self.people.letters,
            reauthentication=self.people.reauthentication,
            clock=self.core.clock,
        )

    @cached_property
    def archives(self) -> Archives:
        """Writes large archives."""
        from chalicelib.adapters.aws.archives import S3Archives

        return S3Archives(self.core.settings.reports_bucket)

    @cached_property
    def data_exports(self) -> DataExports:
        """Exports people's own data."""
        from chalicelib.adapters.dynamodb.operations.data_exports import DynamoDataExports
        from chalicelib.domain.operations.departure.contents import Contents, Sources
        from chalicelib.domain.operations.departure.exports import DataExports

        sources = Sources(
            users=self.people.users,
            sessions=self.people.sessions,
            activity=self.foundation.activity_log,
            deployments=self.cloud.deployment_records,
            projects=self.cloud.project_records,
            ssh_keys=self.cloud.ssh_key_records,
            api_keys=self.foundation.api_key_records,
            ledger=self.money.ledger_records,
            billing=self.money.billing_records,
            top_ups=self.money.top_up_records,
        )
        return DataExports(
            records=DynamoDataExports(),
            archives=self.archives,
            contents=Contents(sources, self.money.printer),
            users=self.people.users,
            letters=self.people.letters,
            limiter=self.foundation.rate_limiter,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )

    @cached_property
    def erasure(self) -> Erasure:
        """Erases closed customers."""
        from chalicelib.adapters.dynamodb.operations.departure import DynamoRemainingData
        from chalicelib.domain.operations.departure.erasure import Erasure

        return Erasure(
            records=self.closing_records,
            remains=DynamoRemainingData(),
            invoices=self.money.invoicing,
            cards=self.money.payment_methods,
            api_keys=self.foundation.api_key_records,
            transactor=self.core.transactor,
            clock=self.core.clock,
        )
