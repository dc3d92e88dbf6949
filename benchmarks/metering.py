"""How many machines one worker meters, depending on how they are distributed over customers."""

from time import perf_counter

from benchmarks.timing import Table, counted_calls, muted
from chalicelib.adapters.dynamodb.money.ledger import DynamoLedgerRecords
from chalicelib.domain.money.ledger.models import Account
from chalicelib.domain.money.metering.models import Meter
from chalicelib.domain.money.metering.ports import SHARDS
from chalicelib.kernel.clock import epoch_seconds
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.wiring.app import app
from tests.support.engine import Engine

_MACHINES = 330
_PER_CUSTOMER = (1, 5, 33, 110)
_PRICE_MICROS_PER_HOUR = 1_990_000
_ALREADY_RUNNING_SECONDS = 600


def run(engine: Engine) -> Table:
    """Meter the same number of machines for different numbers of customers."""
    rows = []
    for per_customer in _PER_CUSTOMER:
        engine.fresh_table()
        for _ in range(_MACHINES // per_customer):
            _customer_with(per_customer)
        with muted(), counted_calls() as calls:
            began = perf_counter()
            metered = sum(app().money.metering.meter_shard(shard) for shard in range(SHARDS))
            seconds = perf_counter() - began
        assert metered == _MACHINES, metered
        rows.append([per_customer, seconds, len(calls)])
    slowest = rows[0][1]
    shown = [
        [
            f"{per_customer} of each customer's",
            f"{_MACHINES / seconds:.0f}",
            f"{slowest / seconds:.1f}",
            f"{calls / _MACHINES:.2f}",
        ]
        for per_customer, seconds, calls in rows
    ]
    columns = ("machines", "metered a second", "ratio", "AWS calls a machine")
    return Table("Metering", columns, shown, f"{_MACHINES} machines, one worker, one shard after the other.")


def _customer_with(machines: int) -> None:
    """Create a customer with an account and `machines` machines that have run for ten minutes."""
    now = app().core.clock.now()
    customer_id = new_id(Kind.CUSTOMER, now)
    transactor, ledger, metering = app().core.transactor, app().money.ledger, app().money.metering
    transactor.commit(list(DynamoLedgerRecords().insert_account(Account(customer_id))))
    for _ in range(machines):
        change = ledger.change(customer_id, now)
        start = epoch_seconds(now) - _ALREADY_RUNNING_SECONDS
        meter = Meter.opening(customer_id, new_id(Kind.DEPLOYMENT, now), 1, _PRICE_MICROS_PER_HOUR, start)
        transactor.commit([*metering.open(change, meter), *change.writes()])
