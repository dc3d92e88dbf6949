"""The OpenStack adapter with faults of the simulator."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chalicelib.adapters.providers.openstack import stacks
from chalicelib.adapters.providers.openstack.config import OpenStackConfig
from chalicelib.adapters.providers.openstack.provider import OpenStackProvider
from chalicelib.domain.cloud.providers.errors import (
    ProviderDenied,
    ProviderError,
    ProviderThrottled,
    ProviderUnreachable,
    QuotaExceeded,
)
from chalicelib.domain.cloud.providers.models import (
    FailureCode,
    Machine,
    MachineRef,
    MachineSpec,
    MachineState,
    StorageKind,
)
from chalicelib.kernel.clock import SystemClock
from dev.simulators.faults import FaultMatch, RequestFault
from dev.simulators.openstack import OpenStackSimulator
from dev.simulators.openstack.config import load_config
from dev.simulators.openstack.stack_faults import StackFault, TokenFault
from tests.support.clock import SettableClock

SPEC = MachineSpec(
    template="cpu_instance/v1",
    flavor="cpu-small",
    image="tiny",
    storage_kind=StorageKind.NETWORK,
    storage_gb=1,
    ssh_public_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGm0Zb4yqk7m1jv8v0yP2b8S0yqkq3Wb0Qb0cJ1m2p3L",
    tags={"customer": "cus_1", "deployment": "dep_1"},
)
REF = MachineRef("montreal", "hearth-1", "dep-1")
BY_PASSWORD: dict[str, Any] = {"username": "hearth", "password": "hearthpass"}
BY_APPLICATION = {
    "application_credential_id": "4b8901b42f8c404a8cc669be541eb471",
    "application_credential_secret": "hearth-1-secret",
}
CREATES = FaultMatch(service="orchestration", method="POST")
READS = FaultMatch(service="orchestration", method="GET")


@dataclass
class Bench:
    """A simulated cloud, and its adapters."""

    simulator: OpenStackSimulator
    clock: SettableClock
    providers: list[OpenStackProvider] = field(default_factory=list)

    def provider(self, *projects: dict[str, Any], timeout_seconds: float = 1, **region: Any) -> OpenStackProvider:
        """An adapter for `projects`; by default, for both of Hearth's projects."""
        montreal = {
            "auth_url": self.simulator.auth_url,
            "region_name": "montreal",
            "network": "tenant",
            "public_network": "public",
            "projects": projects or [BY_PASSWORD | {"name": name} for name in ("hearth-1", "hearth-2")],
        }
        config = {
            "installation": "bench",
            "regions": {"montreal": montreal | region},
            "call_timeout_seconds": timeout_seconds,
        }
        self.providers.append(OpenStackProvider(OpenStackConfig.model_validate(config), self.clock))
        return self.providers[-1]

    def inject(self, kind: str, match: FaultMatch | None = None, **options: Any) -> None:
        """Inject a fault."""
        self.simulator.inject(kind, match, **options)

    def requests(self, method: str, path_end: str) -> int:
        """The number of such requests that the cloud has got."""
        log = self.simulator.requests
        return sum(1 for each in log if each["method"] == method and each["path"].endswith(path_end))

    @property
    def sign_ins(self) -> int:
        """The number of requests for tokens."""
        return self.requests("POST", "/auth/tokens")

    def stacks(self) -> list[str]:
        """The names of all stacks."""
        region = self.simulator.cloud.state.regions["montreal"]
        return [stack.name for stack in region.stacks.values() if stack.full_status != "DELETE_COMPLETE"]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with OpenStackSimulator(speed=50) as simulator:
        made = Bench(simulator, SettableClock(SystemClock().now()))
        yield made
        for provider in made.providers:
            provider.close()


def wait(provider: OpenStackProvider, ref: MachineRef, until: Callable[[Machine], bool]) -> Machine:
    deadline = time.monotonic() + 20
    while not until(machine := provider.get(ref)):
        assert time.monotonic() < deadline, machine
        time.sleep(0.02)
    return machine


def settled(machine: Machine) -> bool:
    return machine.state not in {MachineState.BUILDING, MachineState.DELETING}


# Creates without an answer


@pytest.mark.guarantee("G20")
@pytest.mark.parametrize(
    "fault", [RequestFault.TIMEOUT_AFTER_EFFECT, RequestFault.DROP_AFTER_EFFECT, RequestFault.ERROR_AFTER_EFFECT]
)
def test_g20_a_create_whose_answer_is_lost_is_found_by_name(fault: str, bench: Bench) -> None:
    bench.inject(fault, CREATES, delay_seconds=2)

    ref = bench.provider().create(REF, SPEC)

    assert ref.id is not None
    assert bench.stacks() == [REF.name]
    bench.simulator.stop()  # ends the delayed answer, and logs its request
    assert bench.requests("POST", "/stacks") == 1


@pytest.mark.guarantee("G20")
@pytest.mark.parametrize("fault", [RequestFault.ERROR_BEFORE_EFFECT, RequestFault.CONNECTION_RESET])
def test_g20_a_create_without_effect_is_reported_after_a_search_and_never_repeated(
    fault: str, bench: Bench
) -> None:
    bench.inject(fault, CREATES)
    provider = bench.provider()

    with pytest.raises(ProviderUnreachable):
        provider.create(REF, SPEC)

    assert bench.stacks() == []
    assert bench.requests("POST", "/stacks") == 1
    assert bench.requests("GET", f"/stacks/{REF.name}") == 1
    assert provider.create(REF, SPEC).id is not None


@pytest.mark.guarantee("G20")
def test_g20_a_create_that_cannot_be_looked_up_either_stays_unknown(bench: Bench) -> None:
    bench.inject(RequestFault.ERROR_AFTER_EFFECT, CREATES)
    bench.inject(RequestFault.RATE_LIMIT, READS)

    with pytest.raises(ProviderUnreachable):
        bench.provider().create(REF, SPEC)


@pytest.mark.guarantee("G27")
def test_g27_a_rate_limit_is_told_at_once_and_nothing_is_made(bench: Bench) -> None:
    bench.inject(RequestFault.RATE_LIMIT, CREATES, retry_after_seconds=60)
    started = time.monotonic()

    with pytest.raises(ProviderThrottled):
        bench.provider().create(REF, SPEC)

    assert time.monotonic() - started < 10
    assert bench.stacks() == []


def test_a_region_whose_heat_takes_no_more_stacks_is_told_as_quota(bench: Bench) -> None:
    provider = bench.provider()
    region = bench.simulator.cloud.state.regions["montreal"]
    for project in bench.simulator.cloud.config.projects:
        region.quotas[project.id] = {"stacks": 0}

    with pytest.raises(QuotaExceeded, match="maximum stacks per tenant"):
        provider.create(REF, SPEC)


# Reads and time-outs


def test_a_read_is_repeated_once_after_a_broken_connection(bench: Bench) -> None:
    provider = bench.provider()
    ref = provider.create(REF, SPEC)

    bench.inject(RequestFault.CONNECTION_RESET, READS)
    assert provider.get(ref).ref == ref
    bench.inject(RequestFault.CONNECTION_RESET, READS, times=2)
    with pytest.raises(ProviderUnreachable):
        provider.get(ref)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_no_answer(status: int, bench: Bench) -> None:
    provider = bench.provider()
    bench.inject(RequestFault.ERROR_BEFORE_EFFECT, READS, status=status)

    with pytest.raises(ProviderUnreachable):
        provider.get(REF)


def test_no_call_waits_for_longer_than_its_timeout(bench: Bench) -> None:
    provider = bench.provider(timeout_seconds=0.3)
    ref = provider.create(REF, SPEC)
    calls: list[Callable[[], object]] = [
        lambda: provider.get(ref),
        lambda: provider.events(ref, None),
        lambda: provider.outputs(ref),
        lambda: provider.delete(ref),
        lambda: list(provider.list_owned("montreal")),
        lambda: provider.create(replace(REF, name="dep-2"), SPEC),
        lambda: provider.free_units("montreal"),
    ]
    bench.inject(RequestFault.SLOW, FaultMatch(region="montreal"), delay_seconds=30, times=None)

    for call in calls:
        started = time.monotonic()
        with pytest.raises(ProviderUnreachable):
            call()
        assert time.monotonic() - started < 5


# Tokens


@pytest.mark.guarantee("G26")
@pytest.mark.parametrize("fault", list(TokenFault))
def test_g26_a_token_that_ends_in_the_middle_is_renewed_once(fault: TokenFault, bench: Bench) -> None:
    provider = bench.provider()
    ref = MachineRef("montreal", "hearth-1", "dep-1")
    calls: list[Callable[[], object]] = [
        lambda: provider.create(ref, SPEC),
        lambda: provider.get(ref),
        lambda: provider.events(ref, None),
        lambda: provider.delete(ref),
    ]
    provider.place("montreal")
    signed_in = bench.sign_ins

    for done, call in enumerate(calls, start=1):
        bench.inject(fault, FaultMatch(service="orchestration"))
        call()
        assert bench.sign_ins == signed_in + done
    assert bench.requests("POST", "/stacks") == 2  # the refused request, and its repetition
    assert wait(provider, ref, settled).state is MachineState.GONE


def test_warm_calls_share_one_token(bench: Bench) -> None:
    provider = bench.provider()
    ref = provider.create(REF, SPEC)

    for _ in range(5):
        provider.get(ref)
        provider.events(ref, None)

    assert bench.sign_ins == 1


@pytest.mark.guarantee("G26")
def test_g26_a_token_that_would_end_within_the_create_is_renewed_before_it(bench: Bench) -> None:
    provider = bench.provider(create_timeout_minutes=90)  # tokens live for 60 seconds

    provider.create(REF, SPEC)
    provider.create(replace(REF, name="dep-2"), SPEC)
    assert bench.sign_ins == 1

    bench.clock.advance(seconds=61)
    provider.create(replace(REF, name="dep-3"), SPEC)
    assert bench.sign_ins == 2


def test_a_refused_sign_in_is_staffs_business_and_tells_no_secret(bench: Bench) -> None:
    provider = bench.provider(BY_PASSWORD | {"name": "hearth-1", "password": "open-sesame"})

    with pytest.raises(ProviderDenied, match="hearth-1") as caught:
        provider.get(REF)
    assert "open-sesame" not in str(caught.value)


def test_a_busy_keystone_is_busy(bench: Bench) -> None:
    provider = bench.provider()

    bench.inject(RequestFault.RATE_LIMIT, FaultMatch(path="/auth/tokens"))
    with pytest.raises(ProviderThrottled):
        provider.get(REF)
    bench.inject(RequestFault.ERROR_BEFORE_EFFECT, FaultMatch(path="/auth/tokens"))
    with pytest.raises(ProviderUnreachable):
        provider.get(REF)


def test_an_application_credential_builds_machines_where_keystone_lets_it(bench: Bench) -> None:
    provider = bench.provider(BY_APPLICATION | {"name": "hearth-1"})

    ref = provider.create(REF, SPEC)

    assert wait(provider, ref, settled).state is MachineState.READY


def test_an_application_credential_without_trusts_says_what_to_set() -> None:
    config = load_config().model_copy(update={"application_credentials_create_stacks": False})
    with OpenStackSimulator(config) as simulator:
        bench = Bench(simulator, SettableClock())
        provider = bench.provider(BY_APPLICATION | {"name": "hearth-1"})

        with pytest.raises(ProviderDenied, match="allow_insecure_application_credential_trust_escalation"):
            provider.create(REF, SPEC)

        assert bench.stacks() == []
        provider.close()


# Projects


def test_a_project_that_does_not_answer_is_passed_over(bench: Bench) -> None:
    broken = BY_PASSWORD | {"name": "hearth-1", "password": "wrong"}
    provider = bench.provider(broken, BY_PASSWORD | {"name": "hearth-2"})

    assert provider.place("montreal") == "hearth-2"
    with pytest.raises(ProviderDenied):
        bench.provider(broken).place("montreal")


def test_an_inventory_that_lacks_a_project_is_no_inventory(bench: Bench) -> None:
    provider = bench.provider(
        BY_PASSWORD | {"name": "hearth-2"}, BY_PASSWORD | {"name": "hearth-1", "password": "wrong"}
    )

    with pytest.raises(ProviderDenied):
        list(provider.list_owned("montreal"))


# Pages


def test_pages_are_put_together_without_loss_or_repeat(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = bench.provider()
    refs = [
        provider.create(MachineRef("montreal", placement, f"dep-{number}"), SPEC)
        for number in range(5)
        for placement in ("hearth-1", "hearth-2")
    ]
    wait(provider, refs[0], settled)
    whole = provider.events(refs[0], None)
    assert len({event.at for event in whole}) < len(whole), "there are ties to break"

    for size in (1, 2, 3, 5):
        monkeypatch.setattr(stacks, "_EVENTS_PAGE", size)
        monkeypatch.setattr(stacks, "_STACKS_PAGE", size)
        assert provider.events(refs[0], None) == whole
        assert provider.events(refs[0], whole[2].id) == whole[3:]
        listed = [owned.ref for owned in provider.list_owned("montreal")]
        assert len(listed) == len(refs)
        assert set(listed) == set(refs)


# Failures and deletions that fail


@pytest.mark.guarantee("G27")
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (StackFault.NO_VALID_HOST, FailureCode.CAPACITY_UNAVAILABLE),
        (StackFault.QUOTA_EXCEEDED, FailureCode.PROVIDER_QUOTA),
        (StackFault.STACK_TIMEOUT, FailureCode.PROVISIONING_FAILED),
    ],
)
def test_g27_a_failed_stack_has_a_code_and_a_reason(fault: str, code: FailureCode, bench: Bench) -> None:
    bench.inject(fault, delay_seconds=5)
    provider = bench.provider()

    machine = wait(provider, provider.create(REF, SPEC), settled)

    assert machine.state is MachineState.FAILED
    assert machine.failure is not None
    assert machine.failure.code is code
    assert machine.failure.provider_reason


@pytest.mark.guarantee("G22")
def test_g22_a_400_is_believed_only_of_a_stack_that_is_not_on_its_way_out(bench: Bench) -> None:
    provider = bench.provider()
    ref = provider.create(REF, SPEC)
    wait(provider, ref, settled)
    deletes = FaultMatch(service="orchestration", method="DELETE")

    bench.inject(RequestFault.ERROR_BEFORE_EFFECT, deletes, status=400)
    with pytest.raises(ProviderError):
        provider.delete(ref)
    provider.delete(ref)
    bench.inject(RequestFault.ERROR_BEFORE_EFFECT, deletes, status=400)
    provider.delete(ref)
    assert wait(provider, ref, settled).state is MachineState.GONE


@pytest.mark.guarantee("G24")
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (StackFault.DELETE_FAILED_PORT, "port"),
        (StackFault.DELETE_FAILED_FOREIGN_PORT, "port"),
        (StackFault.DELETE_FAILED_VOLUME, "volume"),
    ],
)
def test_g24_blocking_ports_and_volumes_are_removed(fault: str, kind: str, bench: Bench) -> None:
    provider = bench.provider()
    ref = provider.create(REF, SPEC)
    wait(provider, ref, settled)
    bench.inject(fault)
    provider.delete(ref)
    assert wait(provider, ref, settled).state is MachineState.DELETE_FAILED

    assert [blocker.kind for blocker in provider.blockers(ref)] == [kind]
    assert list(provider.remove_blockers(ref)) == []

    provider.delete(ref)
    assert wait(provider, ref, settled).state is MachineState.GONE


@pytest.mark.guarantee("G24")
def test_g24_another_machines_port_is_named_and_not_removed(bench: Bench) -> None:
    provider = bench.provider()
    ref = provider.create(REF, SPEC)
    neighbour = provider.create(replace(REF, name="dep-2"), SPEC)
    for each in (ref, neighbour):
        wait(provider, each, settled)
    region = bench.simulator.cloud.state.regions["montreal"]
    mine, theirs = (
        next(port for port in region.ports.values() if port.device_id == provider.outputs(each).server_id)
        for each in (ref, neighbour)
    )
    theirs.security_groups.extend(mine.security_groups)
    provider.delete(ref)
    assert wait(provider, ref, settled).state is MachineState.DELETE_FAILED

    assert [blocker.id for blocker in provider.remove_blockers(ref)] == [theirs.id]
    assert provider.get(neighbour).state is MachineState.READY
    assert theirs.id in region.ports


# Start-up


def test_the_sdk_is_not_imported_before_it_is_needed() -> None:
    look = (
        "import sys; import chalicelib.adapters.providers.openstack.provider; "
        "print(sorted({'openstack', 'keystoneauth1', 'requests'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[]"
