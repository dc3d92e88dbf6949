"""Each fault of the simulated OpenStack does what its name says, and nothing else."""

import time
from collections.abc import Iterator

import httpx
import pytest

from dev.simulators.faults import Fault, FaultBoard, FaultMatch, Occasion, RequestFault
from dev.simulators.openstack import OpenStackSimulator
from dev.simulators.openstack.stack_faults import StackFault, TokenFault
from tests.support.openstack_region import FULL_TEMPLATE, SMALL, Heat, connect, control, leftovers, until

CREATES = FaultMatch(service="orchestration", method="POST", path="/stacks$")


@pytest.fixture
def simulator() -> Iterator[OpenStackSimulator]:
    with OpenStackSimulator(speed=100) as running:
        yield running


def request(name: str) -> dict[str, object]:
    return {"stack_name": name, "template": FULL_TEMPLATE, "parameters": SMALL}


# Faults of the exchange


def test_time_out_after_effect_makes_the_stack_and_never_says_so(simulator: OpenStackSimulator) -> None:
    simulator.inject(RequestFault.TIMEOUT_AFTER_EFFECT, CREATES, delay_seconds=30)
    impatient = Heat(simulator, timeout_seconds=0.3)
    with pytest.raises(httpx.ReadTimeout):
        impatient.http.post("/stacks", json=request("made"))
    assert Heat(simulator).names() == ["made"]


def test_drop_after_effect_makes_the_stack_and_hangs_up(simulator: OpenStackSimulator) -> None:
    simulator.inject(RequestFault.DROP_AFTER_EFFECT, CREATES)
    heat = Heat(simulator)
    with pytest.raises(httpx.RemoteProtocolError):
        heat.http.post("/stacks", json=request("made"))
    assert heat.names() == ["made"]


def test_error_after_effect_makes_the_stack_and_says_500(simulator: OpenStackSimulator) -> None:
    simulator.inject(RequestFault.ERROR_AFTER_EFFECT, CREATES, status=500)
    heat = Heat(simulator)
    assert heat.http.post("/stacks", json=request("made")).status_code == 500
    assert heat.names() == ["made"]


def test_error_before_effect_makes_nothing(simulator: OpenStackSimulator) -> None:
    simulator.inject(RequestFault.ERROR_BEFORE_EFFECT, CREATES, status=502)
    heat = Heat(simulator)
    assert heat.http.post("/stacks", json=request("none")).status_code == 502
    assert heat.names() == []


def test_rate_limit_says_when_to_come_back(simulator: OpenStackSimulator) -> None:
    simulator.inject(RequestFault.RATE_LIMIT, CREATES, retry_after_seconds=7)
    heat = Heat(simulator)
    answer = heat.http.post("/stacks", json=request("none"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert heat.names() == []


def test_connection_reset_makes_nothing(simulator: OpenStackSimulator) -> None:
    simulator.inject(RequestFault.CONNECTION_RESET, CREATES)
    heat = Heat(simulator)
    with pytest.raises(httpx.ReadError):
        heat.http.post("/stacks", json=request("none"))
    assert heat.names() == []


def test_slow_answers_late_and_rightly(simulator: OpenStackSimulator) -> None:
    simulator.inject(RequestFault.SLOW, CREATES, delay_seconds=0.3)
    heat = Heat(simulator)
    begun = time.monotonic()
    heat.create("late")
    assert time.monotonic() - begun >= 0.3
    assert heat.names() == ["late"]


@pytest.mark.parametrize("kind", list(TokenFault))
def test_a_token_dies_on_its_way_and_the_sdk_takes_a_new_one(
    simulator: OpenStackSimulator, kind: TokenFault
) -> None:
    cloud = connect(simulator)
    list(cloud.orchestration.stacks())
    simulator.inject(kind, FaultMatch(service="orchestration"))
    assert [stack.name for stack in cloud.orchestration.stacks()] == []
    logged = control(simulator, "GET", "/requests")["requests"]
    assert [item["status"] for item in logged if item["service"] == "orchestration"][-2:] == [401, 200]


def test_a_held_answer_does_not_hold_others_or_the_end(simulator: OpenStackSimulator) -> None:
    simulator.inject(RequestFault.TIMEOUT_AFTER_EFFECT, CREATES, delay_seconds=600)
    impatient = Heat(simulator, timeout_seconds=0.2)
    with pytest.raises(httpx.ReadTimeout):
        impatient.http.post("/stacks", json=request("made"))
    begun = time.monotonic()
    Heat(simulator).names()
    simulator.stop()
    assert time.monotonic() - begun < 5


# Faults of a stack


def test_no_valid_host_is_tried_six_times_before_the_stack_fails(simulator: OpenStackSimulator) -> None:
    simulator.inject(StackFault.NO_VALID_HOST, FaultMatch(name="^doomed$"))
    heat = Heat(simulator)
    path = heat.create("doomed")
    stack = heat.settled(path)
    assert stack["stack_status"] == "CREATE_FAILED"
    assert stack["stack_status_reason"] == (
        "Resource CREATE failed: ResourceInError: resources.server: Went to status ERROR due to"
        ' "Message: No valid host was found. , Code: 500"'
    )
    events = heat.events(path)
    assert events.count(("server", "CREATE_FAILED")) == 6
    assert events.count(("server", "DELETE_COMPLETE")) == 5
    assert events.count(("stack", "CREATE_FAILED")) == 1
    assert heat.delete(path)["stack_status"] == "DELETE_COMPLETE"
    assert leftovers(simulator) == {}


def test_a_create_fails_for_quota_at_once_and_without_retries(simulator: OpenStackSimulator) -> None:
    simulator.inject(StackFault.QUOTA_EXCEEDED)
    heat = Heat(simulator)
    path = heat.create("poor")
    assert "Forbidden: resources.server: Quota exceeded for instances" in heat.settled(path)["stack_status_reason"]
    assert heat.events(path).count(("server", "CREATE_FAILED")) == 1


@pytest.mark.parametrize(
    ("quota", "resource", "words"),
    [
        ("cores", "server", "Quota exceeded for cores"),
        ("port", "port", "OverQuotaClient: resources.port: Quota exceeded for resources: ['port']"),
        ("floatingip", "fip", "Quota exceeded for resources: ['floatingip']"),
        ("security_group", "sg", "Quota exceeded for resources: ['security_group']"),
        ("volumes", "vol", "VolumeLimitExceeded"),
        ("gigabytes", "vol", "VolumeSizeExceedsAvailableQuota"),
    ],
)
def test_quotas_that_are_set_are_kept(
    simulator: OpenStackSimulator, quota: str, resource: str, words: str
) -> None:
    control(simulator, "POST", "/quota", {"region": "montreal", "project": "hearth-1", "quota": {quota: 0}})
    heat = Heat(simulator)
    path = heat.create("limited")
    assert words in heat.settled(path)["stack_status_reason"]
    assert heat.resources(path)[resource]["resource_status"] == "CREATE_FAILED"


def test_a_stack_times_out(simulator: OpenStackSimulator) -> None:
    simulator.inject(StackFault.STACK_TIMEOUT, delay_seconds=20)
    heat = Heat(simulator)
    path = heat.create("late")
    stack = heat.settled(path)
    assert (stack["stack_status"], stack["stack_status_reason"]) == ("CREATE_FAILED", "Timed out")
    assert heat.delete(path)["stack_status"] == "DELETE_COMPLETE"
    assert leftovers(simulator) == {}


def test_a_create_that_is_stuck_stays_in_progress_and_can_be_deleted(simulator: OpenStackSimulator) -> None:
    simulator.inject(StackFault.CREATE_STUCK)
    heat = Heat(simulator)
    path = heat.create("stuck")
    until(lambda: ("vol", "CREATE_COMPLETE") in heat.events(path))
    control(simulator, "POST", "/speed", {"speed": 1000})
    time.sleep(0.1)  # Nothing may happen for a hundred simulated seconds, so there is no state to wait for.
    assert heat.status(path) == "CREATE_IN_PROGRESS"
    assert heat.delete(path)["stack_status"] == "DELETE_COMPLETE"
    assert leftovers(simulator) == {}


def test_a_delete_during_create_shows_create_failed_for_a_moment() -> None:
    with OpenStackSimulator(speed=2) as simulator:
        heat = Heat(simulator)
        path = heat.create("brief")
        until(lambda: heat.resources(path)["server"]["resource_status"] == "CREATE_IN_PROGRESS")
        assert heat.http.delete(path).status_code == 204
        stack = heat.show(path)
        assert (stack["stack_status"], stack["stack_status_reason"]) == ("CREATE_FAILED", "Stack CREATE cancelled")
        control(simulator, "POST", "/speed", {"speed": 100})
        until(lambda: heat.status(path) == "DELETE_COMPLETE")
        assert leftovers(simulator) == {}


@pytest.mark.parametrize("progress", range(1, 12))
def test_a_delete_at_any_point_of_the_create_leaves_nothing(progress: int) -> None:
    with OpenStackSimulator(speed=20) as simulator:
        heat = Heat(simulator)
        path = heat.create("interrupted")
        until(lambda: len(heat.events(path)) >= progress)
        assert heat.http.delete(path).status_code == 204
        control(simulator, "POST", "/speed", {"speed": 200})
        until(lambda: heat.status(path) == "DELETE_COMPLETE")
        assert leftovers(simulator) == {}


def failing_delete(simulator: OpenStackSimulator, kind: StackFault, resource: str) -> tuple[Heat, str]:
    """A stack whose deletion has failed twice for this resource."""
    simulator.inject(kind)
    heat = Heat(simulator)
    path = heat.create("blocked")
    heat.settled(path)
    for _ in range(2):
        stack = heat.delete(path)
        assert stack["stack_status"] == "DELETE_FAILED"
        assert stack["stack_status_reason"].startswith("Resource DELETE failed: ")
        assert heat.resources(path)[resource]["resource_status"] == "DELETE_FAILED"
    return heat, path


def gone(simulator: OpenStackSimulator, heat: Heat, path: str) -> None:
    assert heat.delete(path)["stack_status"] == "DELETE_COMPLETE"
    assert leftovers(simulator) == {}


def test_its_own_port_blocks_a_deletion_until_it_is_deleted(simulator: OpenStackSimulator) -> None:
    heat, path = failing_delete(simulator, StackFault.DELETE_FAILED_PORT, "port")
    port = heat.resources(path)["port"]["physical_resource_id"]
    assert heat.service("DELETE", f"/network/v2.0/ports/{port}").status_code == 204
    gone(simulator, heat, path)


def test_a_foreign_port_blocks_a_deletion_until_it_is_deleted(simulator: OpenStackSimulator) -> None:
    heat, path = failing_delete(simulator, StackFault.DELETE_FAILED_FOREIGN_PORT, "sg")
    group = heat.resources(path)["sg"]["physical_resource_id"]
    (port,) = heat.service("GET", f"/network/v2.0/ports?security_groups={group}").json()["ports"]
    assert heat.service("DELETE", f"/network/v2.0/ports/{port['id']}").status_code == 204
    gone(simulator, heat, path)


def test_a_volume_blocks_a_deletion_until_it_is_deleted(simulator: OpenStackSimulator) -> None:
    heat, path = failing_delete(simulator, StackFault.DELETE_FAILED_VOLUME, "vol")
    volume = heat.resources(path)["vol"]["physical_resource_id"]
    assert heat.service("DELETE", f"/volume/v3/{heat.project_id}/volumes/{volume}").status_code == 202
    gone(simulator, heat, path)


def test_a_deletion_that_is_stuck_ends_with_the_time_out(simulator: OpenStackSimulator) -> None:
    simulator.inject(StackFault.DELETE_STUCK)
    heat = Heat(simulator)
    path = heat.create("clinging", timeout_mins=1)
    heat.settled(path)
    stack = heat.delete(path)
    assert (stack["stack_status"], stack["stack_status_reason"]) == ("DELETE_FAILED", "Timed out")
    gone(simulator, heat, path)


# Selecting the requests that a fault affects


def test_a_fault_lets_some_pass_and_strikes_as_often_as_it_is_told(simulator: OpenStackSimulator) -> None:
    body = {"kind": "error_before_effect", "match": {"method": "get", "path": "/stacks$"}, "after": 1, "times": 2}
    fault = control(simulator, "POST", "/faults", body)
    heat = Heat(simulator)
    assert [heat.http.get("/stacks").status_code for _ in range(4)] == [200, 503, 503, 200]
    assert control(simulator, "GET", "/faults")["faults"][0]["struck"] == 2
    control(simulator, "DELETE", f"/faults/{fault['id']}")
    assert control(simulator, "GET", "/faults") == {"faults": []}


def test_a_fault_strikes_only_what_it_names(simulator: OpenStackSimulator) -> None:
    match = FaultMatch(region="oslo", service="orchestration", name="^chosen")
    simulator.inject(RequestFault.ERROR_BEFORE_EFFECT, match, times=None)
    Heat(simulator).create("chosen-elsewhere")
    oslo = Heat(simulator, region="oslo")
    oslo.create("other")
    assert oslo.http.post("/stacks", json=request("chosen-1")).status_code == 503
    assert oslo.http.get("/stacks/chosen-1").status_code == 503
    control(simulator, "DELETE", "/faults")
    assert oslo.http.get("/stacks/chosen-1").status_code == 404


def test_the_board_counts_a_request_for_one_fault_only() -> None:
    board = FaultBoard({"first", "second"})
    for kind in ("first", "second"):
        board.add(Fault(kind=kind))
    occasion = Occasion(method="GET")
    taken = [board.take(occasion, {"first", "second"}) for _ in range(3)]
    assert [fault.kind if fault else None for fault in taken] == ["first", "second", None]
