"""The team journey, as `make demo JOURNEY=team` runs it."""

import io

import pytest
from rich.console import Console

from dev.demo.screen import Screen
from dev.demo.team import TeamJourney
from tests.support.cloud import LocalCloud

pytestmark = pytest.mark.xdist_group("cloud")


@pytest.mark.guarantee("G41", "G42", "G43")
def test_people_and_keys_do_what_they_may_and_the_log_tells_of_it(cloud: LocalCloud) -> None:
    shown = io.StringIO()
    TeamJourney(Screen(Console(file=shown, width=140)), cloud.endpoints, cloud.home).run()
    assert "from 203.0.113.77: refused" in shown.getvalue()
