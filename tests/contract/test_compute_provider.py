"""The contract of all providers of machines (`ComputeProvider`).

Cases that only read share the machine `ordinary`; every other case builds its own.
"""

import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.cloud.providers.errors import ProviderError, QuotaExceeded, SpecRejected
from chalicelib.domain.cloud.providers.models import FailureCode, MachineEvent, MachineRef, MachineState, Power
from chalicelib.domain.cloud.providers.ports import (
    ComputeProvider,
    SupportsCapacity,
    SupportsPowerActions,
    SupportsUnblocking,
)
from tests.contract.lab import BLOCKING, CAPACITY, PLACEMENTS, QUOTA, REVOCATION, Lab
from tests.contract.machine_room import MachineRoom

_COUNTS_GPUS = pytest.mark.xdist_group("gpus")
"""Tests that use a GPU do not run at the same time, because one of them counts the free GPUs."""


@pytest.fixture
def room(lab: Lab, provider: ComputeProvider) -> Iterator[MachineRoom]:
    made = MachineRoom(lab, provider)
    yield made
    made.clear()


@pytest.fixture(scope="module")
def ordinary(lab: Lab, provider: ComputeProvider) -> Iterator[MachineRef]:
    """A READY machine for tests that only read it."""
    made = MachineRoom(lab, provider)
    try:
        yield made.build(lab.specs.ordinary)
    finally:
        made.clear()


# Create


@pytest.mark.parametrize("shape", ["ordinary", "with_volume", "windows", pytest.param("gpu", marks=_COUNTS_GPUS)])
def test_every_shape_becomes_ready_and_says_how_to_reach_it(shape: str, room: MachineRoom) -> None:
    ref = room.build(getattr(room.lab.specs, shape))

    outputs = room.provider.outputs(ref)

    assert outputs.server_id not in {"", "server"}
    assert outputs.private_ipv4.count(".") == 3
    assert outputs.public_ipv4 is not None
    assert outputs.public_ipv4 != outputs.private_ipv4


def test_create_does_not_wait_and_outputs_are_refused_until_ready(room: MachineRoom) -> None:
    ref = room.start(room.lab.specs.too_big)  # the machine for which the search for a host takes longest

    assert room.provider.get(ref).state is MachineState.BUILDING
    with pytest.raises(ProviderError):
        room.provider.outputs(ref)


@pytest.mark.guarantee("G20")
def test_g20_a_machine_is_found_by_its_name_alone(
    ordinary: MachineRef, lab: Lab, provider: ComputeProvider
) -> None:
    nameless_id = replace(ordinary, id=None)

    assert provider.get(nameless_id).ref == ordinary
    assert provider.outputs(nameless_id) == provider.outputs(ordinary)
    assert provider.events(nameless_id, None) == provider.events(ordinary, None)


@pytest.mark.guarantee("G20")
def test_g20_creating_what_is_there_finds_it(ordinary: MachineRef, lab: Lab, provider: ComputeProvider) -> None:
    again = provider.create(replace(ordinary, id=None), lab.specs.ordinary)

    assert again == ordinary
    assert [owned.ref for owned in provider.list_owned(lab.region) if owned.ref.name == ordinary.name] == [
        ordinary
    ]


@pytest.mark.guarantee("G20")
def test_g20_creating_what_is_being_built_finds_it(room: MachineRoom) -> None:
    ref = room.start(room.lab.specs.ordinary)

    assert room.provider.create(replace(ref, id=None), room.lab.specs.ordinary) == ref


@pytest.mark.parametrize("part", ["flavor", "image", "network", "public_network"])
def test_what_the_provider_does_not_know_is_rejected_by_name(part: str, room: MachineRoom) -> None:
    ref = room.reserve()
    unknown: dict[str, Any] = {part: "there-is-no-such-thing"}
    spec = replace(room.lab.specs.ordinary, **unknown)

    with pytest.raises(SpecRejected, match=rf"^{part}: "):
        room.provider.create(ref, spec)
    assert room.provider.get(ref).state is MachineState.GONE


# Failure


@pytest.mark.guarantee("G27")
def test_g27_no_room_is_told_as_capacity_and_only_at_the_end(room: MachineRoom) -> None:
    ref = room.start(room.lab.specs.too_big)
    machine = room.settled(ref)

    assert machine.state is MachineState.FAILED
    assert machine.failure is not None
    assert machine.failure.code is FailureCode.CAPACITY_UNAVAILABLE
    assert "No valid host was found" in machine.failure.provider_reason
    assert room.provider.create(replace(ref, id=None), room.lab.specs.too_big) == ref
    with pytest.raises(ProviderError):
        room.provider.outputs(ref)


@pytest.mark.needs(QUOTA, PLACEMENTS)
@pytest.mark.guarantee("G27")
def test_g27_a_full_quota_is_told_as_quota(room: MachineRoom) -> None:
    ref = room.reserve(placement=room.lab.placements()[-1])  # in an empty placement
    give_back = room.lab.without_quota(ref.placement)
    try:
        try:
            machine = room.settled(room.provider.create(ref, room.lab.specs.ordinary))
        except QuotaExceeded:
            return
    finally:
        give_back()

    assert machine.state is MachineState.FAILED
    assert machine.failure is not None
    assert machine.failure.code is FailureCode.PROVIDER_QUOTA


# Events


def test_events_come_in_order_and_each_once(ordinary: MachineRef, provider: ComputeProvider) -> None:
    events = provider.events(ordinary, None)

    assert len({event.id for event in events}) == len(events) > 4
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert all(event.at.utcoffset() is not None for event in events)


def test_events_go_on_after_any_of_them(ordinary: MachineRef, provider: ComputeProvider) -> None:
    events = list(provider.events(ordinary, None))

    for place, event in enumerate(events, start=1):
        assert list(provider.events(ordinary, event.id)) == events[place:]


def test_events_after_an_unknown_one_start_again(ordinary: MachineRef, provider: ComputeProvider) -> None:
    assert provider.events(ordinary, secrets.token_hex(16)) == provider.events(ordinary, None)


def test_events_that_are_followed_while_they_happen_are_all_of_them(room: MachineRoom) -> None:
    ref = room.start(room.lab.specs.ordinary)
    followed: list[MachineEvent] = []
    state = MachineState.BUILDING
    while state is MachineState.BUILDING:
        state = room.provider.get(ref).state
        followed += room.provider.events(ref, followed[-1].id if followed else None)
        time.sleep(room.lab.poll_seconds)

    assert state is MachineState.READY
    assert followed == list(room.provider.events(ref, None))


# Delete


@pytest.mark.guarantee("G21")
def test_g21_gone_means_the_provider_said_so(room: MachineRoom) -> None:
    ref = room.build(room.lab.specs.with_volume)

    room.provider.delete(ref)
    room.provider.delete(ref)
    states = []

    def is_gone() -> bool:
        states.append(room.provider.get(ref).state)
        return states[-1] is MachineState.GONE

    room.wait(ref, lambda _: is_gone())
    assert set(states) <= {MachineState.DELETING, MachineState.GONE}
    assert room.provider.get(replace(ref, id=None)).state is MachineState.GONE
    assert ref.name not in {owned.ref.name for owned in room.provider.list_owned(room.lab.region)}


def test_deleting_what_is_gone_succeeds(room: MachineRoom) -> None:
    ref = room.start(room.lab.specs.ordinary)
    room.provider.delete(replace(ref, id=None))
    room.gone(ref)

    room.provider.delete(ref)
    room.provider.delete(replace(ref, id=None))


def test_deleting_what_never_was_succeeds(room: MachineRoom) -> None:
    ref = room.reserve()

    room.provider.delete(ref)
    room.provider.delete(replace(ref, id="0b1b7a4c-6d1f-4f0e-9a53-0f1a4f5a9c11"))
    assert room.provider.get(ref).state is MachineState.GONE
    assert list(room.provider.events(ref, None)) == []


@pytest.mark.guarantee("G23")
@pytest.mark.parametrize("events_before", [0, 1, 4, 8, 12])
def test_g23_a_delete_during_the_create_leaves_nothing(events_before: int, room: MachineRoom) -> None:
    ref = room.start(room.lab.specs.with_volume)
    room.wait(
        ref,
        lambda machine: (
            machine.state is not MachineState.BUILDING or len(room.provider.events(ref, None)) >= events_before
        ),
    )

    room.provider.delete(ref)
    seen = set()

    def is_gone() -> bool:
        seen.add(room.provider.get(ref).state)
        return MachineState.GONE in seen

    room.wait(ref, lambda _: is_gone())
    assert seen <= {MachineState.BUILDING, MachineState.DELETING, MachineState.GONE}


@pytest.mark.guarantee("G23")
def test_g23_a_failed_machine_is_deleted_like_any_other(room: MachineRoom) -> None:
    ref = room.start(room.lab.specs.too_big)
    room.settled(ref)

    room.provider.delete(ref)
    assert room.gone(ref).failure is None


@pytest.mark.needs(BLOCKING)
@pytest.mark.guarantee("G24")
def test_g24_what_blocks_a_deletion_is_named_and_removed(room: MachineRoom) -> None:
    provider = room.provider
    assert isinstance(provider, SupportsUnblocking)
    ref = room.build(room.lab.specs.ordinary)
    assert list(provider.blockers(ref)) == []
    assert list(provider.remove_blockers(ref)) == []
    unblock = room.lab.block_deletion(ref)
    try:
        provider.delete(ref)
        machine = room.wait(ref, lambda machine: machine.state is not MachineState.DELETING)
        assert machine.state is MachineState.DELETE_FAILED
        assert machine.failure is not None
        assert provider.blockers(ref)

        assert list(provider.remove_blockers(ref)) == []
        provider.delete(ref)
        room.wait(ref, lambda machine: machine.state in {MachineState.GONE, MachineState.DELETE_FAILED})
        assert provider.get(ref).state is MachineState.GONE
        assert list(provider.blockers(ref)) == []
    finally:
        unblock()


# Power


@pytest.mark.guarantee("G13")
def test_g13_a_machine_is_switched_off_and_on_again_however_often_it_is_asked(room: MachineRoom) -> None:
    provider = room.provider
    assert isinstance(provider, SupportsPowerActions)
    ref = room.build(room.lab.specs.ordinary)
    outputs = provider.outputs(ref)
    assert provider.power(ref) is Power.ON
    provider.start(ref)
    assert room.powered(ref, Power.ON) is Power.ON

    provider.stop(ref)
    provider.stop(ref)
    assert room.powered(ref, Power.OFF) is Power.OFF
    provider.stop(ref)
    assert provider.power(ref) is Power.OFF
    assert provider.get(ref).state is MachineState.READY
    assert provider.outputs(ref) == outputs

    provider.start(ref)
    provider.start(ref)
    assert room.powered(ref, Power.ON) is Power.ON

    provider.stop(ref)
    provider.delete(ref)
    room.gone(ref)
    assert provider.power(ref) is Power.GONE
    provider.stop(ref)
    provider.start(ref)
    assert provider.get(ref).state is MachineState.GONE


@pytest.mark.guarantee("G13")
def test_g13_a_machine_that_never_was_has_no_power_and_cannot_be_switched(room: MachineRoom) -> None:
    provider = room.provider
    assert isinstance(provider, SupportsPowerActions)
    ref = room.reserve()
    assert provider.power(ref) is Power.GONE
    provider.stop(ref)
    provider.start(ref)
    assert provider.get(ref).state is MachineState.GONE


# Owner and placement


@pytest.mark.guarantee("G25")
def test_g25_the_list_of_owned_machines_says_whose_each_is(
    ordinary: MachineRef, lab: Lab, provider: ComputeProvider
) -> None:
    (owned,) = [each for each in provider.list_owned(lab.region) if each.ref == ordinary]

    assert owned.state is MachineState.READY
    assert owned.customer_id == lab.specs.ordinary.tags["customer"]
    assert owned.deployment_id == lab.specs.ordinary.tags["deployment"]
    assert owned.created_at <= provider.events(ordinary, None)[-1].at


@pytest.mark.guarantee("G25")
def test_g25_a_strangers_machine_is_never_ours(lab: Lab, installation: str, room: MachineRoom) -> None:
    strangers = lab.provider(f"{installation}-x")
    name = room.reserve(provider=strangers)
    theirs = strangers.create(name, lab.specs.ordinary)

    assert theirs.name not in {owned.ref.name for owned in room.provider.list_owned(lab.region)}
    assert room.provider.get(name).state is MachineState.GONE
    with pytest.raises(ProviderError, match="is taken"):
        room.provider.create(name, lab.specs.ordinary)
    room.provider.delete(name)
    assert (
        room.wait(theirs, lambda machine: machine.state is not MachineState.BUILDING).state is MachineState.READY
    )
    assert [owned.ref for owned in strangers.list_owned(lab.region)] == [theirs]


@pytest.mark.needs(PLACEMENTS)
def test_a_machine_goes_where_the_fewest_are(lab: Lab, room: MachineRoom) -> None:
    first, second = lab.placements()
    everyone = lab.provider("contract-place")
    for _ in range(4):
        chosen = everyone.place(lab.region)
        room.provider.create(room.reserve(placement=chosen), lab.specs.ordinary)

    held = {placement: _held(lab, placement) for placement in (first, second)}
    assert abs(held[first] - held[second]) <= 1, held


@pytest.mark.needs(PLACEMENTS)
def test_a_full_region_is_told_as_quota(lab: Lab, room: MachineRoom) -> None:
    first, _ = lab.placements()
    room.provider.create(room.reserve(placement=first), lab.specs.ordinary)

    with pytest.raises(QuotaExceeded):
        lab.provider("contract-full", placements=[first], limit=1).place(lab.region)


def _held(lab: Lab, placement: str) -> int:
    """The number of machines in a placement, found with higher and higher limits."""
    limit = 1
    while True:
        try:
            lab.provider("contract-count", placements=[placement], limit=limit).place(lab.region)
        except QuotaExceeded:
            limit += 1
        else:
            return limit - 1


# Credentials and capacity


@pytest.mark.needs(REVOCATION)
@pytest.mark.guarantee("G26")
def test_g26_a_revoked_token_is_renewed_without_a_failed_operation(room: MachineRoom) -> None:
    ref = room.start(room.lab.specs.ordinary)
    for operation in (
        lambda: room.provider.get(ref),
        lambda: room.provider.events(ref, None),
        lambda: room.provider.create(room.reserve(), room.lab.specs.ordinary),
        lambda: room.provider.delete(ref),
    ):
        room.lab.revoke_token(room.provider, ref.placement)
        operation()

    assert room.gone(ref).state is MachineState.GONE


@_COUNTS_GPUS
@pytest.mark.needs(CAPACITY)
def test_a_gpu_machine_takes_its_units_and_gives_them_back(room: MachineRoom) -> None:
    provider, specs = room.provider, room.lab.specs
    assert isinstance(provider, SupportsCapacity)
    before = provider.free_units(room.lab.region)[specs.gpu_class]

    ref = room.build(specs.gpu)
    assert provider.free_units(room.lab.region)[specs.gpu_class] == before - 1

    provider.delete(ref)
    room.gone(ref)
    assert provider.free_units(room.lab.region)[specs.gpu_class] == before
