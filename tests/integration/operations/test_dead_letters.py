"""The endpoints of dead letters; `test_change_queues.py` tests the queues."""

from datetime import UTC, datetime

import pytest

from chalicelib.domain.foundation.changes.models import DeadLetter
from chalicelib.domain.foundation.changes.service import DeadLetterDesk
from tests.fakes.changes import MemoryDeadLetters
from tests.fakes.identity import People
from tests.support.api import Api
from tests.support.parts import give

QUEUES = "/v1/admin/dead-letters"
NOTICES = "/v1/admin/webhooks/dead-letters"
SENT_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
CHANGES = [
    DeadLetter(f"id-{number}", SENT_AT, {"kind": "CUSTOMER", "pk": f"CUSTOMER#cus_{number}"})
    for number in range(12)
]
NOTICE = DeadLetter("id-n", SENT_AT, {"gateway": "stripe", "providerId": "pi_1", "reference": None})


@pytest.fixture
def queues() -> MemoryDeadLetters:
    queues = MemoryDeadLetters("book_notice", "send_letter", "update_directory")
    queues.dead["update_directory"] = list(CHANGES)
    queues.dead["book_notice"] = [NOTICE]
    return queues


@pytest.fixture
def staff(people: People, queues: MemoryDeadLetters) -> Api:
    staff = people.owner_of_the_house()
    give(foundation={"dead_letters": DeadLetterDesk(queues)})
    return staff


def test_every_queue_is_listed_with_its_count(staff: Api) -> None:
    assert staff.get(QUEUES).data == [
        {"queue": "book_notice", "count": 1},
        {"queue": "send_letter", "count": 0},
        {"queue": "update_directory", "count": 12},
    ]


def test_some_of_a_queue_are_shown(staff: Api) -> None:
    shown = staff.get(f"{QUEUES}/update_directory").data
    assert (shown["queue"], shown["count"], len(shown["some"])) == ("update_directory", 12, 10)
    assert shown["some"][0] == {
        "id": "id-0",
        "sentAt": "2026-11-20T12:00:00Z",
        "content": {"kind": "CUSTOMER", "pk": "CUSTOMER#cus_0"},
    }


@pytest.mark.guarantee("G39")
def test_g39_all_are_replayed_or_those_that_are_named(staff: Api, queues: MemoryDeadLetters) -> None:
    replay = f"{QUEUES}/update_directory/replay"
    assert staff.post(replay, {"ids": ["id-3", "nobody"]}).data == {"replayed": 1}
    assert queues.replayed == [CHANGES[3]]
    assert staff.post(replay, {}).data == {"replayed": 11}
    assert queues.dead["update_directory"] == []
    assert queues.dead["book_notice"] == [NOTICE]


def test_those_that_are_named_are_discarded(staff: Api, queues: MemoryDeadLetters) -> None:
    discard = f"{QUEUES}/update_directory/discard"
    assert staff.post(discard, {"ids": ["id-3", "id-4"]}).data == {"discarded": 2}
    assert len(queues.dead["update_directory"]) == 10
    assert queues.replayed == []
    assert staff.post(discard, {"ids": []}).code == "VALIDATION_ERROR"


def test_a_queue_that_is_not_there_is_not_found(staff: Api) -> None:
    for answer in (
        staff.get(f"{QUEUES}/nobody"),
        staff.post(f"{QUEUES}/nobody/replay", {}),
        staff.post(f"{QUEUES}/nobody/discard", {"ids": ["id-1"]}),
    ):
        assert (answer.status, answer.code) == (404, "NOT_FOUND")


def test_notices_are_shown_and_replayed_as_ever(staff: Api, queues: MemoryDeadLetters) -> None:
    some = [{"gateway": "stripe", "providerId": "pi_1", "reference": None}]
    assert staff.get(NOTICES).data == {"count": 1, "some": some}
    assert staff.post(f"{NOTICES}/replay").data == {"replayed": 1}
    assert queues.replayed == [NOTICE]
