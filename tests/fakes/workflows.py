"""Runs the state machines of `state_machines/` inside the test, one state at a time, on the test's clock.

It implements the part of the Amazon States Language (https://states-language.net/spec.html) that our definitions
use: Task with Retry and Catch, Choice on a text, Wait, Succeed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.domain.cloud.deployments.models import Operation, OperationType
from chalicelib.domain.cloud.deployments.ports import ExecutionState
from chalicelib.domain.cloud.suspension.models import Watch
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.runtime.registry import Handler, Task, load_all
from tests.support.clock import SettableClock

_MACHINES = Path(__file__).parents[2] / "state_machines"
_DEFINITIONS = {
    OperationType.CREATE: "deployment_provision.asl.json",
    OperationType.DELETE: "deployment_delete.asl.json",
    OperationType.SUSPEND: "deployment_power.asl.json",
    OperationType.RESUME: "deployment_power.asl.json",
}
_MAX_STATES = 2_000
"""The limit of one execution; Step Functions allows 25,000 events, and a state takes a few."""

Invoke = Callable[[Mapping[str, Any]], dict[str, Any]]
Around = Callable[["Execution", str, Callable[[], dict[str, Any]]], dict[str, Any]]
"""Gets an execution, the name of its task, and the task; returns or raises what the state machine shall see."""


@cache
def definition(type_: OperationType) -> Mapping[str, Any]:
    """The definition for operations of this type."""
    loaded: Mapping[str, Any] = json.loads((_MACHINES / _DEFINITIONS[type_]).read_text())
    return loaded


@cache
def balance_watch() -> Mapping[str, Any]:
    """The definition of the state machine `balance_watch`."""
    loaded: Mapping[str, Any] = json.loads((_MACHINES / "balance_watch.asl.json").read_text())
    return loaded


@cache
def tasks() -> Mapping[str, Invoke]:
    """The functions of Task states, by their names in definitions."""
    return {
        f"${{{function.logical_id}}}": _invocation(function.handler)
        for function in load_all()
        if isinstance(function.trigger, Task)
    }


def _invocation(handler: Handler) -> Invoke:
    def invoke(state: Mapping[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = handler(state, None)
        return result

    return invoke


def just(execution: "Execution", task: str, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run the task without a fault."""
    return run()


@dataclass
class Execution:
    """One run of a state machine."""

    name: str
    machine: Mapping[str, Any]
    data: dict[str, Any]
    started_at: datetime
    wakes_at: datetime
    state: str = ""
    status: str = "RUNNING"
    visited: list[str] = field(default_factory=list)
    retries: dict[int, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    """The errors of tasks that were retried or caught."""

    def __post_init__(self) -> None:
        self.state = self.machine["StartAt"]

    def step(self, now: datetime, around: Around) -> None:
        """Run the present state, and set the time at which the next one is due."""
        if now >= self.started_at + timedelta(seconds=self.machine["TimeoutSeconds"]):
            self.status = "TIMED_OUT"
            return
        assert len(self.visited) < _MAX_STATES, self.visited[-20:]
        self.visited.append(self.state)
        self.wakes_at = now
        here = self.machine["States"][self.state]
        match here["Type"]:
            case "Task":
                self._task(here, now, around)
            case "Choice":
                self._go(self._chosen(here))
            case "Wait":
                self.wakes_at = self._end_of_wait(here, now)
                self._go(here["Next"])
            case "Succeed":
                self.status = "SUCCEEDED"

    def _end_of_wait(self, wait: Mapping[str, Any], now: datetime) -> datetime:
        if "TimestampPath" in wait:
            return max(now, parse_isoformat(self._at(wait["TimestampPath"])))
        seconds = wait["Seconds"] if "Seconds" in wait else self._at(wait["SecondsPath"])
        return now + timedelta(seconds=seconds)

    def _go(self, state: str) -> None:
        self.state = state
        self.retries = {}

    def _at(self, path: str) -> Any:
        found: Any = self.data
        for name in path.removeprefix("$.").split("."):
            found = found[name]
        return found

    def _chosen(self, choice: Mapping[str, Any]) -> str:
        for rule in choice["Choices"]:
            if self._at(rule["Variable"]) == rule["StringEquals"]:
                return str(rule["Next"])
        return str(choice["Default"])

    def _task(self, task: Mapping[str, Any], now: datetime, around: Around) -> None:
        given = dict(self.data)
        try:
            result = around(self, self.state, lambda: tasks()[task["Resource"]](given))
        except Exception as error:
            self._failed(task, now, error)
            return
        self.data[task["ResultPath"].removeprefix("$.")] = json.loads(json.dumps(result))
        self._go(task["Next"])

    def _failed(self, task: Mapping[str, Any], now: datetime, error: Exception) -> None:
        name = type(error).__name__
        self.failures.append(f"{self.state}: {name}: {error}")
        for number, retry in enumerate(task["Retry"]):
            if _matches(retry, name):
                done = self.retries.get(number, 0)
                if done < retry["MaxAttempts"]:
                    self.retries[number] = done + 1
                    delay = min(retry["IntervalSeconds"] * retry["BackoffRate"] ** done, retry["MaxDelaySeconds"])
                    self.wakes_at = now + timedelta(seconds=delay)
                    return
                break
        for catch in task.get("Catch", ()):
            if _matches(catch, name):
                self.data[catch["ResultPath"].removeprefix("$.")] = {"Error": name, "Cause": str(error)}
                self._go(catch["Next"])
                return
        self.status = "FAILED"


def _matches(rule: Mapping[str, Any], name: str) -> bool:
    return name in rule["ErrorEquals"] or "States.ALL" in rule["ErrorEquals"]


class LocalWorkflows:
    """`Workflows` and `WatchExecutions` inside the test. Nothing runs until the test says so."""

    def __init__(self, clock: SettableClock) -> None:
        self._clock = clock
        self.executions: dict[str, Execution] = {}
        self.around: Around = just

    def start(self, operation: Operation) -> None:
        """Start the state machine of the operation's type, unless this attempt was started before."""
        ticket = {
            "customerId": operation.customer_id,
            "deploymentId": operation.deployment_id,
            "operationId": operation.id,
            "fence": operation.fence,
        }
        now = self._clock.now()
        made = Execution(operation.execution_name, definition(operation.type), ticket, now, now)
        self.executions.setdefault(operation.execution_name, made)

    def start_watch(self, watch: Watch) -> None:
        """Start an execution that waits for the watch's next moment."""
        assert watch.wakes_at is not None
        name = f"{watch.customer_id}-{watch.number}"
        waiting = {
            "customerId": watch.customer_id,
            "number": watch.number,
            "progress": {"wakesAt": isoformat(watch.wakes_at)},
        }
        now = self._clock.now()
        made = Execution(name, balance_watch(), waiting, now, now)
        self.executions.setdefault(name, made)

    def state(self, operation: Operation) -> ExecutionState:
        """The state of this attempt's execution."""
        found = self.executions.get(operation.execution_name)
        if found is None:
            return ExecutionState.ABSENT
        return ExecutionState.RUNNING if found.status == "RUNNING" else ExecutionState.ENDED

    def stop(self, operation: Operation) -> None:
        """Stop this attempt's execution, if it runs."""
        found = self.executions.get(operation.execution_name)
        if found is not None and found.status == "RUNNING":
            found.status = "ABORTED"

    def next(self) -> Execution | None:
        """The running execution that is due first."""
        running = [found for found in self.executions.values() if found.status == "RUNNING"]
        return min(running, key=lambda found: found.wakes_at, default=None)
