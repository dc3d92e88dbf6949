"""An installation inside the test: the real table, the real state machines, a simulated region, one customer.

The test sets the time: a wait of a state machine advances the clock at once, and lets the region work until its
state has changed.
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
"""The region's simulated seconds per second of the test."""
_MAX_STEPS = 600
FUNDS_MICROS = 100_000_000
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF/dBdkpu05uTJROrCBcxP9qagmuaM1aHkLy+Hcp5l4r test@hearth"


@dataclass
class Region:
    """A simulated region, and the real adapter for it."""

    simulator: OpenStackSimulator
    provider: OpenStackProvider

    def fresh(self, speed: float = SPEED) -> None:
        """Empty the region, and remove faults and tokens."""
        self.simulator.reset()
        self.simulator.cloud.set_speed(speed)

    def passes(self, seconds: float) -> None:
        """Advance the region by `seconds` of its time."""
        self.simulator.cloud.clock.skip(seconds)

    def remains(self) -> list[str]:
        """Every resource that exists, by kind."""
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
    """A region for one test module."""
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
            "create_timeout_minutes": 240,  # far longer than our deadlines, which are tested
        }
        config = OpenStackConfig.model_validate(
            {"installation": "test", "regions": {REGION: region}, "call_timeout_seconds": 3}
        )
        provider = OpenStackProvider(config, SystemClock())
        yield Region(simulator, provider)
        provider.close()


class Installation:
    """The installation, and the actions of tests on it."""

    followed: Collection[str] = frozenset({"OPERATION"})
    """The kinds of items whose changes are delivered to consumers."""

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
        """The specification of a machine that can be built."""
        wanted: dict[str, str] = {
            "region": REGION,
            "instance_type": "cpu-2x4",
            "image": "ubuntu-22.04",
            "storage_kind": "local",
            "ssh_key_id": self.ssh_key_id,
        } | changes
        return DeploymentRequest(storage_gb=storage_gb, **wanted)

    def create(self, *, storage_gb: int | None = None, api_key_id: str = "", **changes: str) -> Accepted:
        """Order a machine, with an API key or in a session."""
        request = self.wanted(storage_gb=storage_gb, **changes)
        return app().cloud.ordering.create(Reach(self.customer_id), request, key=None, api_key_id=api_key_id)

    def delete(self, deployment_id: str) -> Accepted:
        """Request its deletion."""
        return app().cloud.removal.delete(Reach(self.customer_id), deployment_id)

    def deployment(self, deployment_id: str) -> Deployment:
        """The present deployment."""
        return app().cloud.reading.get(Reach(self.customer_id), deployment_id)

    def operation(self, accepted: Accepted) -> Operation:
        """As it is now."""
        found = app().cloud.deployment_records.operation(
            self.customer_id, accepted.deployment.id, accepted.operation.id
        )
        assert found is not None
        return found

    def timeline(self, deployment_id: str) -> list[TimelineEvent]:
        """Every event of the deployment."""
        page = app().cloud.reading.events(Reach(self.customer_id), deployment_id, 0, PageRequest(100))
        return list(page.items)

    def deliver_stream(self, *, lost: bool = False) -> None:
        """Deliver changes to their consumers until there are no more; with `lost`, throw them away."""
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
        """Advance the time, here and in the region."""
        if seconds > 0:
            self.clock.advance(seconds)
            self.region.passes(seconds)

    def step(self) -> Execution | None:
        """Run one state of the execution that is due first; None if none runs."""
        self.deliver_stream()
        execution = self.workflows.next()
        if execution is not None:
            self.run_state(execution)
        return execution

    def run_state(self, execution: Execution) -> None:
        """Advance to the time at which `execution` is due, and run one of its states."""
        self.pass_time((execution.wakes_at - self.clock.now()).total_seconds())
        execution.step(self.clock.now(), self.workflows.around)

    def go_on(self) -> None:
        """Run one state or, if there is none, the reconciler."""
        if self.step() is None:
            self.reconcile()

    def settle(self) -> None:
        """Run until no execution runs."""
        for _ in range(_MAX_STEPS):
            if self.step() is None:
                return
        raise AssertionError([found.visited[-10:] for found in self.workflows.executions.values()])

    def reconcile(self) -> None:
        """Advance the time, and run the reconciler."""
        self.pass_time(60)
        app().cloud.reconciler.run()

    def settle_with_reconciler(self) -> None:
        """Run states and the reconciler until no operation is in progress."""
        for _ in range(120):
            self.settle()
            if not self.operations_in_progress():
                return
            self.reconcile()
        raise AssertionError(f"still in progress: {self.operations_in_progress()}")

    def operations_in_progress(self) -> list[str]:
        """The operations that have not ended."""
        return [
            f"{item['type']['S']} {item['status']['S']}"
            for item in self.table.items()
            if item["kind"]["S"] == "OPERATION" and item["status"]["S"] in {"PENDING", "RUNNING"}
        ]

    def active(self, *, storage_gb: int | None = None, **changes: str) -> Deployment:
        """Order a machine and run until it is active; return its id."""
        accepted = self.create(storage_gb=storage_gb, **changes)
        self.settle()
        deployment = self.deployment(accepted.deployment.id)
        assert deployment.status is DeploymentStatus.ACTIVE, deployment
        return deployment

    def assert_proven(self) -> None:
        """Assert that the proof finds no difference."""
        assert app().operations.proof.run().differences == ()

    def assert_nothing_left(self) -> None:
        """Assert that the proof finds no difference, nothing is held or runs, and the region is empty."""
        self.assert_proven()
        assert self.operations_in_progress() == []
        assert self.region.remains() == []
        balance = app().money.ledger.balance(self.customer_id)
        assert (balance.held_micros, balance.burn_micros_per_hour) == (0, 0)

    def charged_micros(self) -> int:
        """The amount that the customer was charged so far."""
        return FUNDS_MICROS - app().money.ledger.balance(self.customer_id).posted_micros
