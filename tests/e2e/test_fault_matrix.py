"""Each state of both state machines × each kind of fault: every case ends correctly, and leaves nothing behind.

It proves G03, G08, G20, G21, G22, G23, G28 and G29 together, on the packaged product with real state machines,
Lambdas and a real table. Tasks are killed, repeated and throttled, and their answers are lost.
"""

from collections.abc import Sequence

import pytest

from tests.e2e.matrix import Case, Controls, Customer, Outcome, cases, run_matrix
from tests.support.cloud import LocalCloud

pytestmark = [
    pytest.mark.xdist_group("fault_matrix"),
    pytest.mark.timeout(600),
    pytest.mark.guarantee("G03", "G08", "G20", "G21", "G22", "G23", "G28", "G29"),
]

Run = tuple[dict[str, Outcome | Exception], Sequence[Customer], Controls]


@pytest.fixture(scope="module")
def run(cloud: LocalCloud) -> Run:
    """The outcomes of the matrix, which runs once."""
    controls = Controls(cloud)
    return (*run_matrix(cloud, controls), controls)


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.id)
def test_life_with_a_fault_ends_well(run: Run, case: Case) -> None:
    outcome = run[0][case.id]
    if isinstance(outcome, Exception):
        raise outcome
    assert outcome.fired > 0, "the fault never struck: this case proved nothing"
    assert outcome.final_status == "DELETED"
    match case.life:
        case "build":
            assert outcome.status == "ACTIVE"
            assert outcome.addresses["publicIpv4"]
            assert outcome.timeline.count("Your machine is ready.") == 1
        case "failing":
            assert outcome.status == "ERROR"
            assert outcome.failure_code == "CAPACITY_UNAVAILABLE"
            assert outcome.ended, "what was built of it is still there"
            assert outcome.total_charged == "0.00"
        case "removal":
            assert outcome.status == "DELETED"
            assert outcome.timeline.count("Your machine is gone.") == 1


def test_nothing_is_held_when_all_is_over(run: Run) -> None:
    assert {customer.held() for customer in run[1]} == {"0.00"}


def test_no_stack_is_left_in_any_region(run: Run) -> None:
    assert run[2].stacks() == []


@pytest.mark.guarantee("G12")
def test_the_ledger_proves_itself_after_all_of_it(run: Run) -> None:
    proof = run[2].run_schedule("ledger_proof")
    assert proof["differences"] == []
    assert proof["customers"] >= len(run[1])
