"""A whole installation inside the test: the real table, the real state machines, a simulated region, one customer.

Time is the test's own: a wait of a state machine moves the clock at once, and lets the region work as long as it
needs to get somewhere.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from chalicelib.adapters.dynamodb.transactor import DynamoTransactor
from chalicelib.adapters.providers.openstack.config import OpenStackConfig
from chalicelib.adapters.providers.openstack.provider import OpenStackProvider
from chalicelib.domain.cloud.deployments.models import (
    Accepted,
    Deployment,
    DeploymentRequest,
    DeploymentStatus,
    Operation,
    TimelineEvent,
)
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.kernel.clock import SystemClock
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import PageRequest
from chalicelib.wiring.app import app
from dev.simulators.openstack import OpenStackSimulator
from tests.fakes.money import InterruptedTransactor
from tests.fakes.workflows import Execution, LocalWorkflows
from tests.support.aws import play_aws
from tests.support.changes import deliver
from tests.support.clock import START, SettableClock
from tests.support.engine import Engine, Record
from tests.support.parts import give
from tools.catalog_data import read_catalog

REGION = "montreal"
SPEED = 400.0
"""Lifecycle seconds of the region per second of the test."""
_MAX_STEPS = 600
FUNDS_MICROS = 100_000_000
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF/dBdkpu05uTJROrCBcxP9qagmuaM1aHkLy+Hcp5l4r test@hearth"


@dataclass
class Region:
    """A simulated region, and the real adapter that works in it."""

    simulator: OpenStackSimulator
    provider: OpenStackProvider

    def fresh(self, speed: float = SPEED) -> None:
        """Empty and healthy; tokens that were given are no longer known."""
        self.simulator.reset()
        self.simulator.cloud.set_speed(speed)

    def passes(self, seconds: float) -> None:
        """Let the region work for `seconds` of its own."""
        self.simulator.cloud.clock.skip(seconds)

    def remains(self) -> list[str]:
        """Everything that is there, of every kind."""
        self.simulator.cloud.advance()
        region = self.simulator.cloud.state.regions[REGION]
        stacks = [
            f"stack {found.name} {found.full_status}" for found in region.stacks.values() if not found.deleted_at
        ]
        parts: dict[str, Iterable[str]] = {
            "server": region.servers,
            "port": region.ports,
            "volume": region.volumes,
            "floating IP": region.floating_ips,
        }
        return stacks + [f"{kind} {name}" for kind, found in parts.items() for name in found]


@contextmanager
def running_region() -> Iterator[Region]:
    """A region of the test module's own."""
    with OpenStackSimulator(speed=SPEED) as simulator:
        projects = [
            {"name": name, "username": "hearth", "password": "hearthpass"} for name in ("hearth-1", "hearth-2")
        ]
        region = {
            "auth_url": simulator.auth_url,
            "region_name": REGION,
            "network": "tenant",
            "public_network": "public",
            "projects": projects,
            "create_timeout_minutes": 240,  # far beyond every deadline of ours: those are what is tested
        }
        config = OpenStackConfig.model_validate(
            {"installation": "test", "regions": {REGION: region}, "call_timeout_seconds": 3}
        )
        provider = OpenStackProvider(config, SystemClock())
        yield Region(simulator, provider)
        provider.close()


class Installation:
    """The installation, and what happens in it."""

    followed: Collection[str] = frozenset({"OPERATION"})
    """The kinds of items whose changes reach their consumers."""

    def __init__(
        self, table: Engine, clock: SettableClock, region: Region, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.table = table
        self.clock = clock
        self.region = region
        self.aws = play_aws()
        self.workflows = LocalWorkflows(clock)
        self.transactor = InterruptedTransactor(DynamoTransactor())
        region.fresh()
        give(cloud={"provider": lambda provider_id: region.provider})
        give(cloud={"workflows": self.workflows})
        give(core={"transactor": self.transactor})
        app().cloud.catalog_loader.load(read_catalog())
        self._stream = table.follow()
        self.customer_id = new_id(Kind.CUSTOMER, START)
        self.transactor.commit(app().money.ledger.open_account(self.customer_id))
        app().money.ledger.credit(
            self.customer_id, FUNDS_MICROS, reason="a test", actor_user_id="usr_x", key="funds"
        )
        self.ssh_key_id = app().cloud.ssh_keys.add(self.customer_id, "laptop", PUBLIC_KEY).id

    def wanted(self, *, storage_gb: int | None = None, **changes: str) -> DeploymentRequest:
        """A machine that can be had."""
        wanted: dict[str, str] = {
            "region": REGION,
            "instance_type": "cpu-2x4",
            "image": "ubuntu-22.04",
            "storage_kind": "local",
            "ssh_key_id": self.ssh_key_id,
        } | changes
        return DeploymentRequest(storage_gb=storage_gb, **wanted)

    def create(self, *, storage_gb: int | None = None, api_key_id: str = "", **changes: str) -> Accepted:
        """Ask for a machine, with an API key or in a session."""
        request = self.wanted(storage_gb=storage_gb, **changes)
        return app().cloud.ordering.create(Reach(self.customer_id), request, key=None, api_key_id=api_key_id)

    def delete(self, deployment_id: str) -> Accepted:
        """Ask for its deletion."""
        return app().cloud.removal.delete(Reach(self.customer_id), deployment_id)

    def deployment(self, deployment_id: str) -> Deployment:
        """As it is now."""
        return app().cloud.reading.get(Reach(self.customer_id), deployment_id)

    def operation(self, accepted: Accepted) -> Operation:
        """As it is now."""
        found = app().cloud.deployment_records.operation(
            self.customer_id, accepted.deployment.id, accepted.operation.id
        )
        assert found is not None
        return found

    def timeline(self, deployment_id: str) -> list[TimelineEvent]:
        """All of it."""
        page = app().cloud.reading.events(Reach(self.customer_id), deployment_id, 0, PageRequest(100))
        return list(page.items)

    def deliver_stream(self, *, lost: bool = False) -> None:
        """Hand what has changed to its consumers, until nothing changes any more; or lose it on the way."""
        for _ in range(_MAX_STEPS):
            records = [record for record in self._stream.records() if self._is_followed(record)]
            if not records:
                return
            if not lost:
                deliver(records)
        raise AssertionError("the table never comes to rest")

    def _is_followed(self, record: Record) -> bool:
        image = record["dynamodb"].get("NewImage")
        return image is not None and image["kind"]["S"] in self.followed

    def pass_time(self, seconds: float) -> None:
        """Let time pass, here and in the region."""
        if seconds > 0:
            self.clock.advance(seconds)
            self.region.passes(seconds)

    def step(self) -> Execution | None:
        """Run one state of the execution that is due first; None when none runs."""
        self.deliver_stream()
        execution = self.workflows.next()
        if execution is not None:
            self.run_state(execution)
        return execution

    def run_state(self, execution: Execution) -> None:
        """Run one state of `execution`, when it is due."""
        self.pass_time((execution.wakes_at - self.clock.now()).total_seconds())
        execution.step(self.clock.now(), self.workflows.around)

    def go_on(self) -> None:
        """Run one state, or the reconciler where there is none to run."""
        if self.step() is None:
            self.reconcile()

    def settle(self) -> None:
        """Run until no execution is left."""
        for _ in range(_MAX_STEPS):
            if self.step() is None:
                return
        raise AssertionError([found.visited[-10:] for found in self.workflows.executions.values()])

    def reconcile(self) -> None:
        """A run of the reconciler, a while later."""
        self.pass_time(60)
        app().cloud.reconciler.run()

    def settle_with_reconciler(self) -> None:
        """Run until no operation is left, whatever becomes of executions."""
        for _ in range(120):
            self.settle()
            if not self.operations_in_progress():
                return
            self.reconcile()
        raise AssertionError(f"still in progress: {self.operations_in_progress()}")

    def operations_in_progress(self) -> list[str]:
        """Operations that are not final."""
        return [
            f"{item['type']['S']} {item['status']['S']}"
            for item in self.table.items()
            if item["kind"]["S"] == "OPERATION" and item["status"]["S"] in {"PENDING", "RUNNING"}
        ]

    def active(self, *, storage_gb: int | None = None, **changes: str) -> Deployment:
        """A machine that is ready."""
        accepted = self.create(storage_gb=storage_gb, **changes)
        self.settle()
        deployment = self.deployment(accepted.deployment.id)
        assert deployment.status is DeploymentStatus.ACTIVE, deployment
        return deployment

    def assert_proven(self) -> None:
        """The ledger proves itself."""
        assert app().operations.proof.run().differences == ()

    def assert_nothing_left(self) -> None:
        """The ledger proves itself, nothing is held or runs, and the region is empty."""
        self.assert_proven()
        assert self.operations_in_progress() == []
        assert self.region.remains() == []
        balance = app().money.ledger.balance(self.customer_id)
        assert (balance.held_micros, balance.burn_micros_per_hour) == (0, 0)

    def charged_micros(self) -> int:
        """What the customer has paid so far."""
        return FUNDS_MICROS - app().money.ledger.balance(self.customer_id).posted_micros
