"""The payments journey, as `make demo JOURNEY=payments` runs it."""

import io

import pytest
from rich.console import Console

from dev.demo.payments import PaymentsJourney
from dev.demo.screen import Screen
from tests.support.cloud import LocalCloud

pytestmark = pytest.mark.xdist_group("cloud")


@pytest.mark.guarantee("G01", "G02", "G09", "G11", "G12", "G40")
def test_every_way_to_pay_and_to_take_back_ends_in_a_proven_ledger(cloud: LocalCloud) -> None:
    shown = io.StringIO()
    PaymentsJourney(Screen(Console(file=shown, width=110)), cloud.endpoints, cloud.home).run()
    assert "8 entries, $203.80" in shown.getvalue()
