"""The health report checks all dependencies at once, within its deadline, and none twice."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Barrier, Event

import pytest

from chalicelib.domain.foundation.health.models import Status
from chalicelib.domain.foundation.health.ports import Probe
from chalicelib.domain.foundation.health.service import KEPT_SECONDS, Health
from tests.support.clock import SettableClock


@dataclass
class Fake:
    """A probe that a test controls."""

    name: str
    act: Callable[[], Sequence[Probe]] = tuple
    asked: int = field(default=0)

    def ask(self) -> Sequence[Probe]:
        self.asked += 1
        return self.act()


def refuse() -> Sequence[Probe]:
    raise OSError("refused")


@pytest.fixture
def silence() -> Iterator[Event]:
    """The event for which silent probes wait; it is set at the end, so that no thread outlives its test."""
    end = Event()
    yield end
    end.set()


@pytest.fixture
def silent(silence: Event) -> Fake:
    def wait() -> Sequence[Probe]:
        silence.wait(timeout=30)
        return ()

    return Fake("silent", wait)


def statuses(health: Health) -> dict[str, Status]:
    return {finding.name: finding.status for finding in health.report().findings}


def test_all_well_is_ok(clock: SettableClock) -> None:
    report = Health([Fake("b"), Fake("a")], clock).report()
    assert report.status is Status.OK
    assert [finding.name for finding in report.findings] == ["a", "b"]
    assert all(finding.latency_ms is not None for finding in report.findings)


def test_an_error_degrades_and_is_told_apart_from_silence(clock: SettableClock, silent: Fake) -> None:
    health = Health([Fake("well"), Fake("ill", refuse), silent], clock, deadline_seconds=0.1)
    assert statuses(health) == {"well": Status.OK, "ill": Status.DEGRADED, "silent": Status.UNKNOWN}
    assert health.report().status is Status.DEGRADED


def test_all_are_asked_at_once_so_that_silence_of_many_costs_one_deadline(clock: SettableClock) -> None:
    """Each answers only after all have been asked."""
    together = Barrier(20)

    def wait() -> Sequence[Fake]:
        together.wait(timeout=20)
        return ()

    probes = [Fake(f"probe-{number}", wait) for number in range(together.parties)]
    assert set(statuses(Health(probes, clock, deadline_seconds=30)).values()) == {Status.OK}


def test_what_one_answer_makes_known_is_asked_too(clock: SettableClock, silent: Fake) -> None:
    regions = [Fake("region-a"), Fake("region-b", silent.act)]
    found = statuses(Health([Fake("provider", lambda: regions)], clock, deadline_seconds=0.1))
    assert found == {"provider": Status.OK, "region-a": Status.OK, "region-b": Status.UNKNOWN}


def test_a_report_is_kept_for_some_seconds(clock: SettableClock) -> None:
    probe = Fake("table")
    health = Health([probe], clock)
    first = health.report()
    clock.advance(seconds=KEPT_SECONDS - 1)
    assert health.report() is first
    clock.advance(seconds=1)
    assert health.report() is not first
    assert probe.asked == 2


def test_who_still_owes_an_answer_is_not_asked_again(clock: SettableClock, silent: Fake, silence: Event) -> None:
    health = Health([silent], clock, deadline_seconds=0.05)
    for _ in range(3):
        assert statuses(health) == {"silent": Status.UNKNOWN}
        clock.advance(seconds=KEPT_SECONDS)
    assert silent.asked == 1
    silence.set()
    while health._in_flight:
        Event().wait(timeout=0.001)
    assert statuses(health) == {"silent": Status.OK}
    assert silent.asked == 2
