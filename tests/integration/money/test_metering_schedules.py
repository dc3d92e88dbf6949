"""The random schedules of `tests/unit/money/` (metering and spending), on the real table."""

from collections.abc import Iterator, Sequence
from itertools import chain

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from chalicelib.adapters.dynamodb.cloud.deployment_items import DeploymentRecord
from chalicelib.adapters.dynamodb.cloud.deployments import DynamoDeploymentRecords
from chalicelib.adapters.dynamodb.money.ledger import DynamoLedgerRecords
from chalicelib.adapters.dynamodb.money.metering import DynamoMeterRecords
from chalicelib.adapters.dynamodb.transactor import DynamoTransactor
from chalicelib.domain.money.ledger.ports import LedgerRecords
from chalicelib.domain.money.metering.models import Meter
from chalicelib.domain.money.metering.ports import SHARDS
from chalicelib.kernel.transactions import Transactor
from tests.fakes.schedules import LaggingMeterRecords
from tests.fakes.spending import SpendingSchedule
from tests.support.engine import Engine


class _LaggingDynamoMeterRecords(DynamoMeterRecords, DynamoDeploymentRecords):
    """The real index, or an earlier state of it."""

    lagging: Sequence[Meter] | None = None

    def now_open(self) -> Sequence[Meter]:
        return list(chain.from_iterable(super(type(self), self).open_meters(shard) for shard in range(SHARDS)))

    def open_meters(self, shard: int, after_customer_id: str = "") -> Iterator[Meter]:
        return super().open_meters(shard, after_customer_id) if self.lagging is None else iter(self.lagging)


@pytest.mark.guarantee("G03", "G04", "G05", "G06")
def test_g04_any_schedule_charges_the_exact_formula_on_the_real_table(table: Engine) -> None:
    class OnTheTable(SpendingSchedule):
        def parts(self) -> tuple[LedgerRecords, LaggingMeterRecords, Transactor]:
            table.fresh_table()
            return DynamoLedgerRecords(), _LaggingDynamoMeterRecords(), DynamoTransactor()

        def a_machine(self, customer_id: str, deployment_id: str) -> None:
            """Create the part of a deployment that metering changes."""
            DeploymentRecord(f"CUSTOMER#{customer_id}", f"DEPLOYMENT#{deployment_id}").update(
                [DeploymentRecord.kind.set(DeploymentRecord), DeploymentRecord.version.set(0)]
            )

    run_state_machine_as_test(
        OnTheTable,
        settings=settings(
            max_examples=12,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
