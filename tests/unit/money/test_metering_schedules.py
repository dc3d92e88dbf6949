"""Under any schedule of metering, the charge of a machine is that of the exact formula (G04, G05, G06)."""

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from chalicelib.domain.money.ledger.ports import LedgerRecords
from chalicelib.kernel.transactions import Transactor
from tests.fakes.money import MemoryLedgerRecords, MemoryMeterRecords, MemoryTable, MemoryTransactor
from tests.fakes.schedules import LaggingMeterRecords, MeteringSchedule


class _InMemory(MeteringSchedule):
    def parts(self) -> tuple[LedgerRecords, LaggingMeterRecords, Transactor]:
        table = MemoryTable()
        return MemoryLedgerRecords(table), MemoryMeterRecords(table), MemoryTransactor(table)


@pytest.mark.guarantee("G03", "G04", "G05", "G06")
def test_g04_any_schedule_charges_the_exact_formula() -> None:
    """It has runs, replays, crashes, concurrent runs, skewed clocks, a lagging index and closings at any time."""
    run_state_machine_as_test(
        _InMemory, settings=settings(max_examples=150, stateful_step_count=40, deadline=None)
    )
