"""Each state of both state machines × each kind of fault: every life ends well, and nothing is left behind.

G03, G08, G20, G21, G22, G23, G28, G29 together, on the packaged product: real state machines, real Lambdas, a real
table; killed, repeated, throttled and robbed of their answers.
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
    """The whole matrix, run once."""
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
