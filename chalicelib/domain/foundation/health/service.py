"""Runs all probes at once and reports the results at a deadline."""

from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import perf_counter
from typing import NamedTuple

from chalicelib.domain.foundation.health.models import Finding, Report, Status
from chalicelib.domain.foundation.health.ports import Probe
from chalicelib.kernel.clock import Clock

DEADLINE_SECONDS = 0.7
KEPT_SECONDS = 5


class _Heard(NamedTuple):
    finding: Finding
    further: Sequence[Probe]


class Health:
    """Runs its probes, at most once in `KEPT_SECONDS` regardless of how often a report is requested."""

    def __init__(self, probes: Sequence[Probe], clock: Clock, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._probes = probes
        self._clock = clock
        self._deadline_seconds = deadline_seconds
        self._reporting = Lock()
        self._in_flight: set[str] = set()
        self._last: Report | None = None

    def report(self) -> Report:
        """Return the result of each dependency; without an answer by the deadline it is UNKNOWN."""
        with self._reporting:
            now = self._clock.now()
            if self._last is None or (now - self._last.at).total_seconds() >= KEPT_SECONDS:
                self._last = Report(now, self._ask_all())
            return self._last

    def _ask_all(self) -> Sequence[Finding]:
        deadline = perf_counter() + self._deadline_seconds
        heard: SimpleQueue[_Heard] = SimpleQueue()
        findings = {probe.name: Finding(probe.name, Status.UNKNOWN) for probe in self._probes}
        waiting = self._start(self._probes, heard)
        while waiting:
            try:
                finding, further = heard.get(timeout=max(0.0, deadline - perf_counter()))
            except Empty:
                break
            waiting.discard(finding.name)
            findings[finding.name] = finding
            findings |= {probe.name: Finding(probe.name, Status.UNKNOWN) for probe in further}
            waiting |= self._start(further, heard)
        return sorted(findings.values(), key=lambda finding: finding.name)

    def _start(self, probes: Sequence[Probe], heard: "SimpleQueue[_Heard]") -> set[str]:
        """Start each probe in its own thread, unless its previous run is not finished; return the names of those
        started.
        """
        asked = [probe for probe in probes if probe.name not in self._in_flight]
        for probe in asked:
            self._in_flight.add(probe.name)
            Thread(target=self._ask, args=(probe, heard), name=f"health-{probe.name}", daemon=True).start()
        return {probe.name for probe in asked}

    def _ask(self, probe: Probe, heard: "SimpleQueue[_Heard]") -> None:
        started = perf_counter()
        status, problem = Status.OK, ""
        further: Sequence[Probe] = ()
        try:
            further = probe.ask()
        except Exception as error:  # every exception is a result of the probe
            status, problem = Status.DEGRADED, repr(error)
        self._in_flight.discard(probe.name)
        latency_ms = round((perf_counter() - started) * 1000)
        heard.put(_Heard(Finding(probe.name, status, latency_ms, problem), further))
