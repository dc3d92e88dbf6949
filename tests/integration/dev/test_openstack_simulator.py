"""The simulated OpenStack, used with the real SDK and with plain HTTP: lifecycles, capacity, state, control."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dev.simulators.openstack import OpenStackSimulator
from dev.simulators.openstack.config import load_config
from tests.support.openstack_region import (
    FULL_TEMPLATE,
    SMALL,
    TEMPLATES,
    Heat,
    Json,
    connect,
    control,
    leftovers,
    until,
)

ROOT = Path(__file__).parents[3]


@pytest.fixture
def simulator() -> Iterator[OpenStackSimulator]:
    with OpenStackSimulator(speed=40) as running:
        yield running


def test_the_sdk_drives_a_whole_life(simulator: OpenStackSimulator) -> None:
    cloud = connect(simulator)
    heat = cloud.orchestration
    made = heat.create_stack(
        name="life", template=FULL_TEMPLATE, parameters={**SMALL, "flavor": "hearth.cpu.2x4"}, tags="hearth,one"
    )
    assert made.status is None, "Heat answers a create with id and links alone"
    stack = until(lambda: _complete(heat.get_stack(made.id)))
    values = {item["output_key"]: item["output_value"] for item in stack.outputs}
    server = cloud.compute.get_server(values["server_id"])
    assert (server.name, server.status) == ("life", "ACTIVE")
    assert server.flavor.original_name == "hearth.cpu.2x4"
    assert values["fixed_ip"] in {entry["addr"] for entry in server.addresses["tenant"]}
    assert values["floating_ip"] in {item.floating_ip_address for item in cloud.network.ips()}
    assert [volume.status for volume in cloud.block_storage.volumes()] == ["in-use"]
    assert [item.name for item in heat.stacks(tags=["one"])] == ["life"]
    heat.delete_stack(stack)
    heat.wait_for_delete(stack, interval=0.05, wait=10)
    assert leftovers(simulator) == {}


def _complete(stack: Json) -> Json:
    return stack if stack.status == "CREATE_COMPLETE" else None


@pytest.mark.parametrize("public", ["public", ""])
@pytest.mark.parametrize("storage", ["local", "network"])
@pytest.mark.parametrize(
    ("template", "flavor", "image"),
    [
        ("cpu_instance", "hearth.cpu.4x8", "ubuntu-22.04"),
        ("gpu_instance", "hearth.h100-nvlink.8", "oblivus-ai"),
    ],
)
def test_the_products_templates_build(
    simulator: OpenStackSimulator, template: str, flavor: str, image: str, storage: str, public: str
) -> None:
    heat = Heat(simulator)
    path = heat.create(
        "machine",
        (TEMPLATES / template / "v1.yaml").read_text(),
        parameters={
            "flavor": flavor,
            "image": image,
            "network": "tenant",
            "public_network": public,
            "storage_kind": storage,
            "storage_gb": 50,
            "installation": "test",
            "customer": "cus_1",
            "deployment": "dep_1",
        },
    )
    stack = heat.settled(path)
    assert stack["stack_status"] == "CREATE_COMPLETE", stack["stack_status_reason"]
    outputs = {item["output_key"]: item["output_value"] for item in stack["outputs"]}
    assert bool(outputs["public_ipv4"]) == bool(public)
    assert ("volume" in heat.resources(path)) == (storage == "network")
    assert heat.delete(path)["stack_status"] == "DELETE_COMPLETE"
    assert leftovers(simulator) == {}


def test_a_lifecycle_takes_seconds_and_leaves_events_in_order() -> None:
    with OpenStackSimulator(speed=5) as simulator:
        heat = Heat(simulator)
        path = heat.create("slow")
        assert heat.status(path) == "CREATE_IN_PROGRESS"
        heat.settled(path)
        events = heat.events(path)
    assert events[0] == ("stack", "CREATE_IN_PROGRESS")
    assert events[-1] == ("stack", "CREATE_COMPLETE")
    for needed, needing in (("sg", "port"), ("port", "server"), ("server", "vol_attach"), ("fip", "fip_assoc")):
        assert events.index((needed, "CREATE_COMPLETE")) < events.index((needing, "CREATE_IN_PROGRESS"))


def test_events_page_without_loss_and_an_unknown_marker_starts_again(simulator: OpenStackSimulator) -> None:
    heat = Heat(simulator)
    path = heat.create("paged")
    heat.settled(path)
    whole = [item["id"] for item in heat.http.get(f"{path}/events?sort_dir=asc").json()["events"]]
    paged: list[str] = []
    while True:
        query = f"sort_dir=asc&limit=3&marker={paged[-1]}" if paged else "sort_dir=asc&limit=3"
        page = [item["id"] for item in heat.http.get(f"{path}/events?{query}").json()["events"]]
        if not page:
            break
        paged += page
    assert paged == whole
    again = heat.http.get(f"{path}/events?sort_dir=asc&limit=3&marker=unknown").json()["events"]
    assert [item["id"] for item in again] == whole[:3]


def test_gpu_stacks_take_capacity_and_give_it_back(simulator: OpenStackSimulator) -> None:
    placement = connect(simulator).placement

    def free(amount: int) -> int:
        query = f"resources=CUSTOM_GPU_H100_NVLINK:{amount}"
        answer = placement.get(f"/allocation_candidates?{query}", microversion="1.39").json()
        return sum(
            provider["resources"]["CUSTOM_GPU_H100_NVLINK"]["capacity"]
            - provider["resources"]["CUSTOM_GPU_H100_NVLINK"]["used"]
            for provider in answer["provider_summaries"].values()
        )

    heat = Heat(simulator)
    assert free(1) == 16
    path = heat.create("gpus", parameters={"flavor": "hearth.h100-nvlink.8", "image": "ubuntu-22.04"})
    heat.settled(path)
    assert (free(1), free(8)) == (8, 8)
    one = heat.create("one", parameters={"flavor": "hearth.h100-nvlink.1", "image": "ubuntu-22.04"})
    heat.settled(one)
    assert (free(1), free(8)) == (7, 0), "seven are left on one host, so that eight together are not"
    heat.delete(path)
    heat.delete(one)
    assert free(8) == 16


def test_capacity_can_be_set_and_its_lack_is_no_valid_host(simulator: OpenStackSimulator) -> None:
    change = {"region": "montreal", "resource_class": "CUSTOM_GPU_A100_PCIE", "total": 0}
    control(simulator, "POST", "/capacity", change)
    heat = Heat(simulator)
    path = heat.create("none", parameters={"flavor": "hearth.a100-pcie.1", "image": "ubuntu-22.04"})
    stack = heat.settled(path)
    assert "No valid host was found" in stack["stack_status_reason"]
    control(simulator, "POST", "/capacity", {**change, "total": None})
    other = heat.create("some", parameters={"flavor": "hearth.a100-pcie.1", "image": "ubuntu-22.04"})
    assert heat.settled(other)["stack_status"] == "CREATE_COMPLETE"


def test_every_flavor_but_the_one_too_big_fits_an_empty_region(simulator: OpenStackSimulator) -> None:
    region = simulator.cloud.state.regions["oslo"]
    site = simulator.cloud.site(region, "project", "user")
    homeless = {flavor.name for flavor in load_config().flavors if site.host_for(flavor) is None}
    assert homeless == {"too-big"}


def test_regions_and_projects_do_not_see_each_other(simulator: OpenStackSimulator) -> None:
    heat = Heat(simulator)
    path = heat.create("mine")
    assert Heat(simulator, region="oslo").names() == []
    assert Heat(simulator, project="hearth-2").names() == []
    stranger = Heat(simulator, user="stranger", password="strangerpass", project="stranger")
    foreign = httpx.get(f"{heat.http.base_url}{path}", headers={"X-Auth-Token": stranger.token})
    assert foreign.status_code == 403
    assert stranger.service("GET", "/placement/resource_providers").status_code == 403


def test_an_application_credential_creates_stacks_here(simulator: OpenStackSimulator) -> None:
    configured = load_config().application_credentials[0]
    cloud = connect(
        simulator,
        application_credential_id=configured.id,
        application_credential_secret=configured.secret,
    )
    made = cloud.orchestration.create_stack(name="by-credential", template=FULL_TEMPLATE, parameters=SMALL)
    assert until(lambda: _complete(cloud.orchestration.get_stack(made.id))).name == "by-credential"


def test_a_project_full_of_stacks_takes_no_more(simulator: OpenStackSimulator) -> None:
    control(simulator, "POST", "/quota", {"region": "montreal", "project": "hearth-1", "quota": {"stacks": 1}})
    heat = Heat(simulator)
    path = heat.create("first")
    refused = heat.http.post(
        "/stacks", json={"stack_name": "second", "template": FULL_TEMPLATE, "parameters": SMALL}
    )
    assert refused.status_code == 400
    assert refused.json()["error"]["type"] == "RequestLimitExceeded"
    heat.delete(path)
    heat.create("second")


def test_a_revoked_token_lives_on_in_heats_cache_and_nowhere_else() -> None:
    with OpenStackSimulator(speed=40) as simulator:
        heat = Heat(simulator)
        assert heat.names() == []
        control(simulator, "POST", "/tokens/revoke", {"everywhere": False})
        assert heat.http.get("/stacks").status_code == 200, "Heat has seen the token"
        assert heat.service("GET", "/compute/v2.1/servers").status_code == 401, "Nova has not"
        control(simulator, "POST", "/tokens/revoke", {"everywhere": True})
        assert heat.http.get("/stacks").status_code == 401


def test_the_state_outlives_the_simulator_and_a_create_goes_on(tmp_path: Path) -> None:
    saved = tmp_path / "state.json"
    with OpenStackSimulator(speed=1, state_path=saved) as before:
        path = Heat(before).create("survivor", tags="kept")
    with OpenStackSimulator(speed=40, state_path=saved) as after:
        heat = Heat(after)
        stack = heat.settled(path)
        assert (stack["stack_status"], stack["tags"]) == ("CREATE_COMPLETE", ["kept"])
        assert heat.delete(path)["stack_status"] == "DELETE_COMPLETE"
        assert leftovers(after) == {}


def test_a_stack_progresses_when_only_the_control_api_reads(simulator: OpenStackSimulator) -> None:
    path = Heat(simulator).create("unwatched")

    def status() -> str:
        stacks = control(simulator, "GET", "/state")["regions"]["montreal"]["hearth-1"]["stacks"]
        return next(str(stack["status"]) for stack in stacks if stack["id"] == path.rsplit("/", 1)[1])

    until(lambda: status() == "CREATE_COMPLETE")


class _Quick(OpenStackSimulator):
    beat_seconds = 0.05


def test_what_was_there_at_the_last_beat_outlives_a_kill(tmp_path: Path) -> None:
    saved = tmp_path / "state.json"
    with _Quick(speed=1, state_path=saved) as killed:
        Heat(killed).create("survivor")
        until(lambda: saved.exists() and "survivor" in saved.read_text())


def test_a_state_that_does_not_fit_is_put_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = tmp_path / "state.json"
    saved.write_text('{"version": 0}')
    with OpenStackSimulator(state_path=saved) as simulator:
        assert Heat(simulator).names() == []
    assert (tmp_path / "state.json.rejected").read_text() == '{"version": 0}'
    assert "does not fit" in capsys.readouterr().err


def test_it_runs_as_a_process_on_loopback_and_saves_on_sigterm(tmp_path: Path) -> None:
    saved = tmp_path / "state.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "dev.simulators.openstack", "--port", "0", "--state", str(saved)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"openstack: (http://127\.0\.0\.1:\d+)/identity/v3", process.stdout.readline())
        assert found is not None
        assert httpx.get(f"{found[1]}/identity/v3").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.communicate()
    assert saved.exists()


def test_reset_forgets_and_requests_are_logged_in_order(simulator: OpenStackSimulator) -> None:
    heat = Heat(simulator)
    heat.create("forgotten")
    logged = control(simulator, "GET", "/requests")
    assert [item["method"] for item in logged["requests"]] == ["POST", "POST"]
    assert logged["requests"][-1]["path"].endswith("/stacks")
    heat.names()
    later = control(simulator, "GET", f"/requests?since={logged['last']}")["requests"]
    assert [item["service"] for item in later] == ["orchestration"]
    control(simulator, "POST", "/reset")
    assert Heat(simulator).names() == []
    assert heat.http.get("/stacks").status_code == 401, "tokens are forgotten too"


def test_a_malformed_body_is_refused_everywhere(simulator: OpenStackSimulator) -> None:
    heat = Heat(simulator)
    token = {"X-Auth-Token": heat.token}
    for path in ("/compute/v2.1/os-keypairs", "/network/v2.0/ports", "/orchestration/v1/{}/stacks"):
        url = heat.region_url + path.format(heat.project_id)
        assert httpx.post(url, content="{nope", headers=token).status_code == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/speed", {"speed": 0}),
        ("/speed", {"speed": "fast"}),
        ("/faults", {"kind": "unheard_of"}),
        ("/faults", {"kind": "slow", "match": {"path": "("}}),
        ("/capacity", {"region": "atlantis", "resource_class": "VCPU", "total": 1}),
        ("/capacity", {"region": "oslo", "resource_class": "CUSTOM_NONE", "total": 1}),
        ("/quota", {"region": "oslo", "project": "nobody", "quota": {"cores": 1}}),
        ("/quota", {"region": "oslo", "project": "hearth-1", "quota": {"wishes": 3}}),
    ],
)
def test_a_wrong_command_is_refused_with_a_reason(simulator: OpenStackSimulator, path: str, body: Json) -> None:
    answer = httpx.post(simulator.control_url + path, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
