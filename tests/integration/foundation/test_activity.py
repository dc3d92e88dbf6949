"""The activity log, as the customer reads it."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.foundation.access.models import Role
from chalicelib.domain.foundation.activity.models import Activity, Outcome
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.wiring.app import app
from tests.fakes.access import FakeAuthenticator, principal
from tests.support.api import Api
from tests.support.clock import START
from tests.support.parts import give

_MINE, _VIEWER = principal(), principal(Role.VIEWER)


@pytest.fixture
def signed_in(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    authenticator = FakeAuthenticator({"mine": _MINE, "viewer": _VIEWER})
    give(people={"authenticator": authenticator})
    return api.as_bearer("mine")


def happened(minutes: int, **changes: Any) -> Activity:
    """An activity of the customer."""
    at = START + timedelta(minutes=minutes)
    fields: dict[str, Any] = {
        "id": new_id(Kind.ACTIVITY, at),
        "customer_id": _MINE.customer_id,
        "at": at,
        "actor_user_id": _MINE.user_id,
        "action": "create_deployment",
        "outcome": Outcome.DONE,
        "ip": "203.0.113.9",
    }
    activity = Activity(**(fields | changes))
    app().foundation.activity_log.append(activity)
    return activity


def test_the_newest_comes_first_in_pages(signed_in: Api) -> None:
    made = [happened(minutes).id for minutes in range(5)]
    first = signed_in.get("/activity/recent", query={"limit": "3"})
    assert first.next_cursor is not None
    second = signed_in.get("/activity/recent", query={"limit": "3", "cursor": first.next_cursor})
    assert [entry["id"] for entry in [*first.data, *second.data]] == made[::-1]
    assert second.next_cursor is None


def test_a_denial_says_what_was_denied_and_why(signed_in: Api) -> None:
    happened(0, outcome=Outcome.DENIED, code="INSUFFICIENT_BALANCE", targets={"deploymentId": "dep_1"})
    (entry,) = signed_in.get("/activity/recent").data
    assert (entry["outcome"], entry["code"]) == ("denied", "INSUFFICIENT_BALANCE")
    assert entry["targets"] == {"deploymentId": "dep_1"}
    assert (entry["userId"], entry["ip"], entry["at"]) == (_MINE.user_id, "203.0.113.9", "2031-05-04T12:00:30Z")


def test_staff_are_marked_and_not_named(signed_in: Api) -> None:
    happened(0, by_staff=True, actor_user_id="usr_staff", reason="goodwill")
    answer = signed_in.get("/activity/recent")
    assert (answer.data[0]["byStaff"], answer.data[0]["reason"]) == (True, "goodwill")
    assert "usr_staff" not in answer.text
    assert "203.0.113.9" not in answer.text


@pytest.mark.guarantee("G41")
def test_g41_a_strangers_activities_are_not_there(signed_in: Api) -> None:
    happened(0)
    assert signed_in.as_bearer("viewer").get("/activity/recent").data == []


def test_what_an_endpoint_changes_is_there(signed_in: Api) -> None:
    refused = signed_in.as_bearer("viewer").post("/ssh-keys", {"name": "laptop", "publicKey": "x"})
    assert refused.status == 403
    (entry,) = signed_in.as_bearer("viewer").get("/activity/recent").data
    assert (entry["action"], entry["outcome"], entry["code"]) == ("create_ssh_key", "denied", "FORBIDDEN")
    assert entry["requestId"] == refused.headers["X-Request-Id"]
