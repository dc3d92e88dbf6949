"""An installation whose balances are watched and whose customer gets mail."""

from datetime import datetime, timedelta

import pytest

from chalicelib.adapters.dynamodb.people.accounts import DynamoUsers
from chalicelib.domain.cloud.suspension.models import Watch
from chalicelib.domain.money.ledger.models import EntryType, Operator
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.people.accounts.models import Customer, EmailAddress, User
from chalicelib.kernel.clock import from_epoch_seconds
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import with_fresh_reads
from chalicelib.wiring.app import app
from tests.fakes.identity import Mailbox, deliver_letters
from tests.fakes.lifecycle import Installation, Region
from tests.support.clock import START, SettableClock
from tests.support.engine import Engine
from tests.support.parts import give

EMAIL = EmailAddress("ada@example.com")
_MAX_ROUNDS = 3_000


class WatchedInstallation(Installation):
    """An installation that also delivers changes of accounts and spend caps to their consumer."""

    followed = frozenset({"OPERATION", "ACCOUNT", "SPEND_CAPS"})

    def __init__(
        self, table: Engine, clock: SettableClock, region: Region, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        super().__init__(table, clock, region, monkeypatch)
        self.mailbox = Mailbox()
        self.loses_stream = False
        give(people={"mailer": self.mailbox})
        user = User(new_id(Kind.USER, START), EMAIL, "Ada", "-", 1, START, START)
        customer = Customer(self.customer_id, "Ada", START)
        users = DynamoUsers()
        self.transactor.commit([*users.insert(user), *users.insert_customer(customer, user)])

    def deliver_stream(self, *, lost: bool = False) -> None:
        """Deliver changes to their consumers; with `lost`, throw them away."""
        super().deliver_stream(lost=lost or self.loses_stream)

    def watch(self) -> Watch | None:
        """The customer's suspension; None in good standing."""
        return app().cloud.suspensions.of(self.customer_id)

    def status(self) -> str | None:
        """The status of the suspension."""
        watch = self.watch()
        return watch.status if watch else None

    def zero(self) -> datetime:
        """The time at which the balance is used up, by the account."""
        account = app().money.ledger.change(self.customer_id, self.clock.now()).account
        weighted = account.posted_micros * 3600 + account.burn.weighted
        return from_epoch_seconds(-(-weighted // account.burn.micros_per_hour))

    def mails(self) -> list[str]:
        """The templates of the customer's mails, oldest first."""
        deliver_letters(self.table)
        return self.mailbox.of(EMAIL)

    def pay(self, amount_micros: int, key: str = "payment") -> None:
        """Credit a payment."""
        app().money.ledger.credit(self.customer_id, amount_micros, reason="a test", actor_user_id="usr_x", key=key)

    def take(self, amount_micros: int) -> None:
        """Debit an amount, as a refund does."""

        def post() -> None:
            change = app().money.ledger.change(self.customer_id, self.clock.now())
            change.post(EntryType.REFUND, -amount_micros, Operator.CREDITS, reference="a test")
            self.transactor.commit(change.writes())

        with_fresh_reads(post, stale=frozenset({ACCOUNT_UNCHANGED}))

    def run_until(self, moment: datetime) -> None:
        """Advance to `moment`, and run everything that is due until then."""
        for _ in range(_MAX_ROUNDS):
            self.deliver_stream()
            execution = self.workflows.next()
            if execution is None or execution.wakes_at > moment:
                self.pass_time((moment - self.clock.now()).total_seconds())
                return
            self.run_state(execution)
        raise AssertionError([found.visited[-10:] for found in self.workflows.executions.values()])

    def run_for(self, seconds: float) -> None:
        """Advance by `seconds`, and run everything that is due."""
        self.run_until(self.clock.now() + timedelta(seconds=seconds))

    def run_with_schedules(self, seconds: int) -> None:
        """The same, with the schedules that find lost events, once a minute."""
        until = self.clock.now() + timedelta(seconds=seconds)
        while self.clock.now() < until:
            self.run_until(min(until, self.clock.now() + timedelta(seconds=60)))
            app().cloud.reconciler.run()
            app().cloud.balance_watch.reconcile()

    def running(self) -> str:
        """Order a machine and run until it is active; return its id."""
        accepted = self.create()
        for _ in range(_MAX_ROUNDS):
            if self.deployment(accepted.deployment.id).status == "ACTIVE":
                self.deliver_stream()
                return accepted.deployment.id
            self.step()
        raise AssertionError("never ready")

    def servers(self) -> list[str]:
        """The status of every server in the region."""
        self.region.simulator.cloud.advance()
        regions = self.region.simulator.cloud.state.regions.values()
        return sorted(server.status for region in regions for server in region.servers.values())
