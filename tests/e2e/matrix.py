"""Runs the fault matrix: each case is the life of one deployment with one fault, on the whole local cloud.

Several cases run at the same time, each for another customer, because a case mostly waits. The tests of
`test_fault_matrix.py` then check one outcome each. Everything goes over HTTP: the API as a customer, and the
control ports for faults. Faults are injected into the invocation of Lambdas, so that the tested code is the
deployed code.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import httpx

from dev.demo.client import Client
from dev.demo.people import new_public_key
from tests.support.cloud import LocalCloud

CUSTOMERS = 6
SESSIONS_PER_CUSTOMER = 3  # the limit is 60 calls a minute for each session
CASE_DEADLINE_SECONDS = 150.0
_STRIKE_DEADLINE_SECONDS = 30.0
_POLL_SECONDS = 1.0
_FAILING_REGION = "texas"
"""A region in which no stack finds a host; only this test uses it."""


@dataclass(frozen=True)
class Case:
    """The life of a deployment with one fault."""

    life: str
    """`build`: it becomes ACTIVE. `failing`: it cannot be built. `removal`: it is deleted after it was ACTIVE."""
    state: str
    """The state of the state machine that the fault hits."""
    fault: str
    function: str
    injected: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The name of its test."""
        return f"{self.life}-{self.state}-{self.fault}"


@dataclass(frozen=True)
class Outcome:
    """The outcome of a case."""

    status: str
    operation_id: str | None
    ended: bool
    addresses: Any
    failure_code: str | None
    total_charged: str
    fired: int
    held_while_active: bool
    final_status: str
    timeline: Sequence[str]


_HITS: Mapping[str, Mapping[str, Any]] = {
    "fault before the effect": {"kind": "before", "times": 2},
    "fault after the effect": {"kind": "after", "times": 2},
    "killed at its end": {"kind": "kill"},
    "killed at its 1st request": {"kind": "kill", "at_request": 1},
    "killed at its 2nd request": {"kind": "kill", "at_request": 2},
    "killed at its 3rd request": {"kind": "kill", "at_request": 3},
    "killed at its 4th request": {"kind": "kill", "at_request": 4},
    "killed at its 6th request": {"kind": "kill", "at_request": 6},
    "delivered twice": {"kind": "duplicate", "times": 3},
    "throttled": {"kind": "throttle", "times": 3},
}
_TASKS = (
    ("build", "StartExecution", "start_operation"),
    ("build", "CreateMachine", "create_machine"),
    ("build", "PollMachine", "poll_machine"),
    ("build", "ActivateDeployment", "activate_deployment"),
    ("failing", "RecordFailure", "record_failure"),
    ("failing", "RemoveMachine", "remove_machine"),
    ("removal", "StartExecution", "start_operation"),
    ("removal", "RemoveMachine", "remove_machine"),
)
_STOPPED = (
    ("build", "CreateMachine", "create_machine"),
    ("build", "WaitForMachine", "poll_machine"),
    ("build", "ActivateDeployment", "activate_deployment"),
    ("failing", "RecordFailure", "record_failure"),
    ("failing", "WaitForRemoval", "remove_machine"),
    ("removal", "RemoveMachine", "remove_machine"),
)
_RELAY_HITS = ("fault before the effect", "fault after the effect", "killed at its end", "delivered twice")


def cases() -> Iterator[Case]:
    """All cases, slow ones first."""
    for life, state, function in _STOPPED:
        # The task is delayed, and its execution is stopped meanwhile: the reconciler finds it dead.
        yield Case(life, state, "execution stopped", function, {"kind": "slow", "delay_seconds": 4.0})
    for life in ("build", "removal"):
        yield Case(life, "StartExecution", "event lost", "start_operation", {"kind": "lose"})
    for life, state, function in _TASKS:
        for fault, injected in _HITS.items():
            # Starting sends two requests: a fault for a later one would never fire.
            if function != "start_operation" or injected.get("at_request", 1) <= 2:
                yield Case(life, state, fault, function, injected)
    for fault in _RELAY_HITS:
        yield Case("build", "RelayChanges", fault, "relay_changes", _HITS[fault])


class Controls:
    """The controls of a local cloud that the matrix uses."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.endpoints = cloud.endpoints
        self._http = httpx.Client(timeout=60)
        self._simulator = cloud.endpoints["simulators"]["openstack"]["control"]

    def inject(self, fault: Mapping[str, Any]) -> str:
        """Inject a fault into invocations; return its id."""
        answer = self._http.post(f"{self.endpoints['control']}/faults", json=fault)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return str(answer.json()["id"])

    def fired(self, fault_id: str) -> int:
        """The number of times that a fault has fired."""
        listed = self._http.get(f"{self.endpoints['control']}/faults").json()
        return next(int(fault["fired"]) for fault in listed if fault["id"] == fault_id)

    def withdraw(self, fault_id: str) -> int:
        """Remove a fault after it has fired, so that it fires in no later case; return the number of times.

        The invocation may come after the case's end, because the reconciler does not wait for a late event.
        """
        deadline = time.monotonic() + _STRIKE_DEADLINE_SECONDS
        while not (fired := self.fired(fault_id)) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        assert self._http.delete(f"{self.endpoints['control']}/faults/{fault_id}").is_success
        return fired

    def stop_execution(self, operation_id: str) -> None:
        """Stop the execution that works on an operation."""
        self._http.post(f"{self.endpoints['control']}/executions/stop", json={"name": operation_id})

    def run_schedule(self, name: str) -> Any:
        """Run a scheduled function now."""
        answer = self._http.post(f"{self.endpoints['control']}/schedules/{name}/run").json()
        assert "result" in answer, answer
        return answer["result"]

    def fail_builds(self, region: str) -> None:
        """Make all builds in `region` fail, because no host has room."""
        fault = {"kind": "no_valid_host", "match": {"region": region}, "times": None}
        assert self._http.post(f"{self._simulator}/faults", json=fault).is_success

    def stacks(self) -> list[str]:
        """The remaining stacks of all regions: name and state."""
        regions = self._http.get(f"{self._simulator}/state").json()["regions"]
        return [
            f"{stack['name']} {stack['status']}"
            for projects in regions.values()
            for project in projects.values()
            for stack in project["stacks"]
            if stack["status"] != "DELETE_COMPLETE"
        ]


class Customer:
    """A customer with money, an SSH key, and several sessions to use in turn."""

    def __init__(self, cloud: LocalCloud, controls: Controls, owner: Client, number: int) -> None:
        self._controls = controls
        person = cloud.registered(f"Matrix{number} Customer")
        self._sessions = cycle([person.sign_in(cloud.visitor()) for _ in range(SESSIONS_PER_CUSTOMER)])
        self.id = str(self.session.get("/me").data["currentCustomerId"])
        credit = {"amount": "500.00", "reason": "for the fault matrix"}
        _ = owner.post(f"/v1/admin/customers/{self.id}/credits", credit).data
        key = {"name": "matrix", "publicKey": new_public_key("matrix")}
        self._ssh_key_id = str(self.session.post("/ssh-keys", key).data["id"])

    @property
    def session(self) -> Client:
        """The next session in turn."""
        return next(self._sessions)

    def run(self, case: Case) -> Outcome:
        """Run one case."""
        watched = {"function": case.function, "contains": self.id, **case.injected}
        fault_id = "" if case.life == "removal" else self._controls.inject(watched)
        accepted = self.create(_FAILING_REGION if case.life == "failing" else "montreal")
        deployment_id, operation_id = accepted["deploymentId"], accepted["operationId"]
        if case.life == "removal":
            self.until(deployment_id, lambda seen: seen["status"] == "ACTIVE")
            fault_id = self._controls.inject(watched)
            operation_id = self.session.delete(f"/deployments/{deployment_id}").data["operationId"]
        if case.fault == "execution stopped":
            self.until(deployment_id, lambda _: self._controls.fired(fault_id) > 0)
            self._controls.stop_execution(operation_id)
        seen = self.until(deployment_id, lambda seen: seen["operationId"] is None)
        usage = self.session.get(f"/deployments/{deployment_id}/usage").data
        held = self.session.get("/billing/balance").data["held"]["amount"]
        final = self._clean_up(deployment_id, seen)
        timeline = [event["message"] for event in self.session.pages(f"/deployments/{deployment_id}/events")]
        return Outcome(
            status=seen["status"],
            operation_id=seen["operationId"],
            ended=seen["endedAt"] is not None,
            addresses=seen["addresses"],
            failure_code=(seen["failure"] or {}).get("code"),
            total_charged=usage["total"]["amount"],
            fired=self._controls.withdraw(fault_id),
            held_while_active=held != "0.00",
            final_status=final["status"],
            timeline=timeline,
        )

    def held(self) -> str:
        """The held amount of this customer."""
        return str(self.session.get("/billing/balance").data["held"]["amount"])

    def create(self, region: str) -> Any:
        """Order a machine; return the answer."""
        body = {
            "region": region,
            "instanceType": "cpu-2x4",
            "imageId": "ubuntu-22.04",
            "sshKeyId": self._ssh_key_id,
        }
        return self.session.post("/deployments", body).data

    def _clean_up(self, deployment_id: str, seen: Any) -> Any:
        if seen["status"] == "DELETED":
            return seen
        _ = self.session.delete(f"/deployments/{deployment_id}").data
        return self.until(deployment_id, lambda seen: seen["status"] == "DELETED")

    def until(self, deployment_id: str, condition: Callable[[Any], bool]) -> Any:
        """Wait until `condition` is true for the deployment, and return it."""
        deadline = time.monotonic() + CASE_DEADLINE_SECONDS
        while True:
            seen = self.session.get(f"/deployments/{deployment_id}").data
            if condition(seen):
                return seen
            assert time.monotonic() < deadline, f"nothing came of {deployment_id}: {seen}"
            time.sleep(_POLL_SECONDS)


def run_matrix(cloud: LocalCloud, controls: Controls) -> tuple[dict[str, Outcome | Exception], Sequence[Customer]]:
    """Run all cases; return each outcome by the id of its case."""
    controls.fail_builds(_FAILING_REGION)
    owner = cloud.owner()
    customers = [Customer(cloud, controls, owner, number) for number in range(CUSTOMERS)]
    waiting: queue.SimpleQueue[Case] = queue.SimpleQueue()
    for case in cases():
        waiting.put(case)
    outcomes: dict[str, Outcome | Exception] = {}

    def work(customer: Customer) -> None:
        while True:
            try:
                case = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                outcomes[case.id] = customer.run(case)
            except Exception as error:
                outcomes[case.id] = error

    workers = [threading.Thread(target=work, args=(customer,)) for customer in customers]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        # Production runs it once a minute; here it runs more often, so that cases that need it end sooner.
        controls.run_schedule("reconcile_operations")
        workers[0].join(timeout=5)
        for worker in workers:
            worker.join(timeout=0.2)
    return outcomes, customers
