"""What users learn about their sign-ins: new devices, failures, and open sessions."""

import pytest

from chalicelib.domain.people.sign_in.devices import MAX_DEVICES_PER_USER
from chalicelib.domain.people.sign_in.models import DEVICE_REMEMBERED
from tests.fakes.identity import People, deliver_letters
from tests.support.api import Answer, Api
from tests.support.changes import deliver_items
from tests.support.clock import SettableClock
from tests.support.engine import Engine

ADA = "ada@example.com"
NOBODY = "nobody@example.com"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
NEWER_FIREFOX = FIREFOX.replace("145", "146")
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/19.0 Mobile/15E148 Safari/604.1"
)
HOME, SAME_LINE, ELSEWHERE = "203.0.113.7", "203.0.113.99", "198.51.100.9"


@pytest.fixture
def people(api: Api, table: Engine, monkeypatch: pytest.MonkeyPatch) -> People:
    """People on an empty table; Ada is one of them."""
    found = People(api, table, monkeypatch)
    found.verified(ADA)
    return found


def login(people: People, user_agent: str = FIREFOX, ip: str = HOME) -> Answer:
    """Sign in as Ada, and send the waiting mails."""
    answer = people.login(ADA, headers={"User-Agent": user_agent}, ip=ip)
    assert answer.status == 200
    deliver_letters(people.engine)
    return answer


def notices(people: People) -> int:
    """The number of mails about new devices that Ada got."""
    return people.mailbox.of(ADA).count("new_device")


def failures_noted(table: Engine) -> None:
    """Deliver the recorded failures to their consumer."""
    waiting = [item for item in table.items() if item["kind"]["S"] == "FAILED_SIGN_IN"]
    deliver_items(waiting)


class TestNewDevices:
    def test_the_first_sign_in_of_all_is_from_nowhere_new(self, people: People) -> None:
        login(people)
        assert notices(people) == 0

    def test_a_sign_in_from_somewhere_new_is_told(self, people: People) -> None:
        login(people)
        session = login(people, PHONE, ELSEWHERE).data
        assert notices(people) == 1
        received = people.mailbox.newest("new_device", ADA)
        assert "Safari on iPhone, from 198.51.100.9, at 2031-05-04 12:00 UTC" in received.mail.text
        assert received.link == "https://console.hearth.example/sessions"
        log = people.api.get("/activity/recent", token=session["accessToken"]).data
        assert [each["action"] for each in log[:2]] == ["new_device", "login"]
        assert log[0]["targets"] == {"sessionId": session["sessionId"]}

    @pytest.mark.parametrize(
        ("user_agent", "ip", "is_new"),
        [
            (FIREFOX, HOME, False),
            (NEWER_FIREFOX, SAME_LINE, False),
            (FIREFOX, ELSEWHERE, True),
            (PHONE, HOME, True),
            ("", HOME, True),
        ],
    )
    def test_a_device_is_a_kind_of_client_in_a_network(
        self, people: People, user_agent: str, ip: str, is_new: bool
    ) -> None:
        login(people)
        login(people, user_agent, ip)
        assert notices(people) == is_new

    def test_is_told_once(self, people: People) -> None:
        login(people)
        for _ in range(3):
            login(people, PHONE, ELSEWHERE)
        assert notices(people) == 1

    def test_a_device_that_was_not_seen_for_long_is_new(self, people: People, clock: SettableClock) -> None:
        login(people, PHONE, ELSEWHERE)
        clock.advance(DEVICE_REMEMBERED.total_seconds() - 60)
        login(people)
        clock.advance(60)
        login(people, PHONE, ELSEWHERE)
        assert notices(people) == 2

    def test_so_many_are_remembered_and_no_more(self, people: People, clock: SettableClock, table: Engine) -> None:
        for number in range(MAX_DEVICES_PER_USER + 5):
            clock.advance(60)
            login(people, ip=f"198.51.{number}.1")
        kept = [item for item in table.items() if item["kind"]["S"] == "DEVICE"]
        assert len(kept) == MAX_DEVICES_PER_USER
        before = notices(people)
        login(people, ip=f"198.51.{MAX_DEVICES_PER_USER + 4}.1")
        assert notices(people) == before
        login(people, ip="198.51.0.1")
        assert notices(people) == before + 1

    @pytest.mark.guarantee("G46")
    def test_g46_stored_devices_reveal_neither_device_nor_address(self, people: People, table: Engine) -> None:
        login(people, PHONE, ELSEWHERE)
        kept = str([item for item in table.items() if item["kind"]["S"] == "DEVICE"])
        assert "iPhone" not in kept
        assert "198.51.100" not in kept


class TestFailures:
    def test_are_noted_where_their_owner_sees_them(self, people: People, table: Engine) -> None:
        people.login(ADA, "not the password", ip=ELSEWHERE)
        failures_noted(table)
        assert "FAILED_SIGN_IN" not in str(table.items())
        token = login(people).data["accessToken"]
        _, failed = people.api.get("/activity/recent", token=token).data
        assert (failed["action"], failed["outcome"], failed["code"]) == ("login", "denied", "INVALID_CREDENTIALS")
        assert failed["ip"] == ELSEWHERE

    def test_are_noted_once_when_the_stream_brings_them_twice(self, people: People, table: Engine) -> None:
        people.login(ADA, "not the password")
        waiting = [item for item in table.items() if item["kind"]["S"] == "FAILED_SIGN_IN"]
        failures_noted(table)
        deliver_items(waiting[:1])
        token = login(people).data["accessToken"]
        assert len(people.api.get("/activity/recent", token=token).data) == 2

    @pytest.mark.guarantee("G42")
    def test_g42_of_unknown_addresses_leave_no_trace(self, people: People, table: Engine) -> None:
        people.login(NOBODY, "not the password")
        failures_noted(table)
        kinds = {item["kind"]["S"] for item in table.items()}
        assert "ACTIVITY" not in kinds
        assert "FAILED_SIGN_IN" not in kinds

    @pytest.mark.guarantee("G45")
    def test_g45_do_not_affect_a_signed_in_owner(self, people: People) -> None:
        token = login(people).data
        for number in range(5):
            people.login(ADA, "not the password", ip=f"198.51.100.{number}")
        assert people.login(ADA).code == "RATE_LIMITED"
        assert people.api.get("/me", token=token["accessToken"]).status == 200
        assert people.api.post("/auth/refresh", {"refreshToken": token["refreshToken"]}).status == 200

    @pytest.mark.guarantee("G45")
    def test_g45_begin_anew_after_a_success(self, people: People) -> None:
        for _ in range(3):
            for _ in range(3):
                assert people.login(ADA, "not the password").code == "INVALID_CREDENTIALS"
            assert people.login(ADA).status == 200


def test_sessions_show_device_address_and_last_use(people: People, clock: SettableClock) -> None:
    login(people)
    clock.advance(3600)
    token = login(people, PHONE, ELSEWHERE).data["accessToken"]
    newest, oldest = people.api.get("/sessions", token=token).data
    assert (newest["device"], newest["ip"], newest["userAgent"]) == ("Safari on iPhone", ELSEWHERE, PHONE)
    assert (oldest["device"], oldest["ip"], oldest["lastUsedAt"]) == (
        "Firefox on Linux",
        HOME,
        "2031-05-04T12:00:30Z",
    )
    assert newest["hasSecondFactor"] is False
