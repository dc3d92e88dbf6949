"""The simulated OpenStack answers like a real one: status, headers, shape, and Heat's texts.

`recorded/openstack` has requests to a real cloud with its answers. `openstack_replay` sends the same requests to
the simulator in the same order, and each answer is compared with its recording. Only ids, times and addresses may
differ.
"""

from collections import Counter
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.openstack_recordings import (
    ID,
    NAMES,
    Json,
    body_of,
    differences,
    header_differences,
    normalised,
    recording,
)
from tests.contract.openstack_replay import all_answers


@pytest.fixture(scope="module")
def answers() -> dict[str, httpx.Response]:
    return all_answers()


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_is_that_of_a_real_openstack(name: str, answers: dict[str, httpx.Response]) -> None:
    expected, answer = recording(name)["response"], answers[name]
    assert answer.status_code == expected["status"], answer.text
    assert header_differences(expected["headers"], answer) == []
    assert differences(expected["body"], body_of(answer)) == []


HISTORIES = (
    "066-stack-events",
    "466-novalidhost-events",
    "491-rollback-events",
    "500-suspendinprogress-events",
    "599-testresource-fail-events",
    "719-deleteduringcreate-slow-events",
    "725-cancelcreate-events",
    "987-timeout-events",
    "1207-quota-events",
    "9283-updateinprogress-events",
)


def history(events: list[Json]) -> Counter[tuple[str, str, str]]:
    """The number of events of each kind for each resource."""
    own = {event["links"][-1]["href"].split("/")[-2] for event in events}
    return Counter(
        (
            "stack" if event["resource_name"] in own else event["resource_name"],
            event["resource_status"],
            normalised(event["resource_status_reason"]),
        )
        for event in events
    )


@pytest.mark.parametrize("name", HISTORIES)
def test_the_history_is_that_of_a_real_heat(name: str, answers: dict[str, httpx.Response]) -> None:
    expected = recording(name)["response"]["body"]["events"]
    assert history(answers[name].json()["events"]) == history(expected)


def test_recorded_paths_have_no_ids_of_the_recorded_cloud() -> None:
    for name in NAMES:
        path = urlsplit(recording(name)["request"]["path"]).path
        left = [found for found in ID.findall(path) if set(found) - set("0-")]
        assert not left, f"{name}: {path}"
