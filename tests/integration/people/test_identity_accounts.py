"""Registration, verification, password reset, and the first owner: through the API, on a real table."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.table import Record
from chalicelib.adapters.passwords.argon2id import Argon2idPasswords
from chalicelib.domain.people.accounts.models import EmailAddress, Password
from chalicelib.domain.people.accounts.ports import Undeliverable
from chalicelib.domain.people.attempts.models import ATTEMPTS_WITHOUT_DELAY
from functions.people.letters.workers import send_letter
from tests.fakes.identity import PASSWORD, People
from tests.support.api import Answer
from tests.support.changes import Postponed, event_for
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give

ADA = "ada@example.com"
BOB = "bob@example.com"
NOBODY = "nobody@example.com"


@contextmanager
def recorded_calls() -> Iterator[list[str]]:
    """Yield a list that gets the name of every operation of the table in the block."""
    calls: list[str] = []
    events = Record.shared_connection().client.meta.events

    def note(model: Any, **_: Any) -> None:
        calls.append(model.name)

    events.register("before-call.dynamodb", note)
    try:
        yield calls
    finally:
        events.unregister("before-call.dynamodb", note)


def visible(answer: Answer) -> tuple[int, str, dict[str, str]]:
    """Everything in an answer by which a caller can distinguish answers."""
    return (
        answer.status,
        answer.text,
        {name: value for name, value in answer.headers.items() if name.lower() != "x-request-id"},
    )


def raced(call: Callable[[int], Answer], times: int = 6) -> list[int]:
    """Make calls at the same time; return their statuses."""
    with ThreadPoolExecutor(times) as pool:
        return sorted(answer.status for answer in pool.map(call, range(times)))


class TestRegistering:
    def test_makes_a_user_with_a_customer_and_an_account_of_its_own(self, people: People) -> None:
        ada = people.newcomer(ADA)
        me = ada.get("/me").data
        assert me["user"]["email"] == ADA
        assert me["user"]["isEmailVerified"] is True
        [customer] = me["customers"]
        assert customer["role"] == "owner"
        assert customer["id"] == me["currentCustomerId"]
        assert me["staffRole"] is None
        assert ada.get("/billing/balance").data["available"]["amount"] == "0.00"

    @pytest.mark.guarantee("G42")
    def test_g42_does_not_tell_whether_an_address_is_known(self, people: People) -> None:
        people.verified(ADA)
        known, unknown = people.register(ADA, "another password"), people.register(BOB)
        assert visible(known) == visible(unknown)
        assert people.mailbox.of(ADA) == ["verify_email", "already_registered"]
        assert people.mailbox.of(BOB) == ["verify_email"]

    @pytest.mark.guarantee("G42")
    def test_g42_changes_nothing_of_an_account_that_is_there(self, people: People) -> None:
        people.verified(ADA)
        people.register(ADA, "another password")
        assert people.login(ADA, "another password").code == "INVALID_CREDENTIALS"
        assert people.login(ADA).status == 200

    def test_takes_any_spelling_of_an_address_for_the_same(self, people: People) -> None:
        people.verified(ADA)
        assert people.login(" ADA@Example.COM ").status == 200
        people.register("Ada@EXAMPLE.com")
        assert people.mailbox.of(ADA)[-1] == "already_registered"

    def test_takes_a_password_as_it_is_typed_on_any_keyboard(self, people: People) -> None:
        people.verified(ADA, "  Å spaces matter  ")
        assert people.login(ADA, "  A\u030a spaces matter  ").status == 200
        assert people.login(ADA, "Å spaces matter").code == "INVALID_CREDENTIALS"

    @pytest.mark.guarantee("G42")
    def test_g42_at_once_makes_one_account(self, people: People, table: Engine) -> None:
        body = {"email": ADA, "password": PASSWORD, "name": "Ada"}
        statuses = raced(lambda _: people.api.post("/auth/register", body), times=4)
        assert statuses == [202] * 4
        assert [item["kind"]["S"] for item in table.items()].count("USER") == 1

    @pytest.mark.guarantee("G47")
    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"email": "ada"}, "email"),
            ({"email": "ada@localhost"}, "email"),
            ({"email": f"{'a' * 65}@example.com"}, "email"),
            ({"email": "ada@example.com\r\nBcc: all@example.com"}, "email"),
            ({"password": "short"}, "password"),
            ({"password": "x" * 129}, "password"),
            ({"password": ADA.upper()}, "password"),
            ({"name": " "}, "name"),
            ({"name": "A\nB"}, "name"),
            ({"name": "<b>A</b>"}, "name"),
            ({"admin": True}, "admin"),
        ],
    )
    def test_g47_refuses_what_is_malformed(
        self, people: People, table: Engine, changed: dict[str, Any], field: str
    ) -> None:
        answer = people.api.post("/auth/register", {"email": ADA, "password": PASSWORD, "name": "Ada"} | changed)
        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
        assert answer.fields == {field}
        assert not [item for item in table.items() if item["kind"]["S"] != "COUNTER"]


class TestSigningIn:
    @pytest.mark.guarantee("G42")
    def test_g42_brings_an_old_hash_up_to_todays_parameters(
        self, people: People, table: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        people.verified(ADA)
        stronger = Argon2idPasswords(memory_kib=128, iterations=2)
        give(people={"passwords": stronger})
        for _ in range(2):
            assert people.login(ADA).status == 200
            [user] = [item for item in table.items() if item["kind"]["S"] == "USER"]
            assert user["password_hash"]["S"].startswith("$argon2id$v=19$m=128,t=2,p=1$")


class TestProvingAnAddress:
    @pytest.mark.guarantee("G42")
    def test_g42_is_asked_for_only_of_those_who_know_the_password(self, people: People) -> None:
        people.register(ADA)
        assert people.login(ADA, "not the password").code == "INVALID_CREDENTIALS"
        assert people.login(ADA).code == "EMAIL_NOT_VERIFIED"

    def test_works_through_any_link_that_was_mailed(self, people: People) -> None:
        people.register(ADA)
        people.ask("/auth/resend-verification", ADA)
        first, second = people.mailbox.received
        assert first.token != second.token
        assert people.api.post("/auth/verify-email", {"token": second.token}).status == 200
        assert people.login(ADA).status == 200

    @pytest.mark.guarantee("G42")
    def test_g42_works_once_however_many_try_at_once(self, people: People) -> None:
        people.register(ADA)
        body = {"token": people.mailbox.newest("verify_email", ADA).token}
        assert raced(lambda _: people.api.post("/auth/verify-email", body)) == [200, 400, 400, 400, 400, 400]
        assert people.api.post("/auth/verify-email", body).fields == {"token"}

    @pytest.mark.guarantee("G42")
    def test_g42_has_an_end(self, people: People, clock: SettableClock) -> None:
        people.register(ADA)
        body = {"token": people.mailbox.newest("verify_email", ADA).token}
        clock.advance(24 * 3600)
        assert people.api.post("/auth/verify-email", body).code == "VALIDATION_ERROR"
        assert people.login(ADA).code == "EMAIL_NOT_VERIFIED"

    @pytest.mark.guarantee("G42")
    def test_g42_needs_a_link_of_this_purpose(self, people: People) -> None:
        people.register(ADA)
        people.ask("/auth/forgot-password", ADA)
        body = {"token": people.mailbox.newest("reset_password", ADA).token}
        assert people.api.post("/auth/verify-email", body).status == 400
        made_up = {"token": "A" * 43}
        assert people.api.post("/auth/verify-email", made_up).status == 400

    @pytest.mark.guarantee("G42")
    def test_g42_keeps_links_as_hashes_only(self, people: People, table: Engine) -> None:
        people.register(ADA)
        assert people.mailbox.newest("verify_email", ADA).token not in str(table.items())


@pytest.mark.guarantee("G42")
class TestEnumeration:
    """G42: neither an answer nor the work for it tells whether an address has an account."""

    @pytest.mark.parametrize("path", ["/auth/forgot-password", "/auth/resend-verification"])
    def test_g42_asking_for_a_mail_looks_the_same(self, people: People, path: str) -> None:
        people.verified(ADA)
        with recorded_calls() as for_known:
            known = people.api.post(path, {"email": ADA})
        with recorded_calls() as for_unknown:
            unknown = people.api.post(path, {"email": NOBODY})
        assert visible(known) == visible(unknown)
        assert for_known == for_unknown

    def test_g42_registering_works_the_same(self, people: People) -> None:
        people.verified(ADA)
        with recorded_calls() as for_known:
            people.api.post("/auth/register", {"email": ADA, "password": PASSWORD, "name": "Ada"})
        with recorded_calls() as for_unknown:
            people.api.post("/auth/register", {"email": NOBODY, "password": PASSWORD, "name": "Nobody"})
        assert for_known == for_unknown

    def test_g42_a_wrong_password_and_a_wrong_address_are_the_same(
        self, people: People, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        people.verified(ADA)
        counted = CountingPasswords()
        give(people={"passwords": counted})
        with recorded_calls() as for_known:
            known = people.login(ADA, "not the password")
        hashed_for_known = counted.compared
        with recorded_calls() as for_unknown:
            unknown = people.login(NOBODY, "not the password")
        assert visible(known) == visible(unknown)
        assert known.code == "INVALID_CREDENTIALS"
        assert for_known == for_unknown
        assert (hashed_for_known, counted.compared) == (1, 2)

    def test_g42_nobody_gets_mail_for_an_account_that_is_not_there(self, people: People, table: Engine) -> None:
        people.ask("/auth/forgot-password", NOBODY)
        people.ask("/auth/resend-verification", NOBODY)
        assert people.mailbox.received == []
        assert not [item for item in table.items() if item["kind"]["S"] in {"LETTER", "LINK"}]

    def test_g42_a_verified_address_gets_no_second_verification(self, people: People) -> None:
        people.verified(ADA)
        people.ask("/auth/resend-verification", ADA)
        assert people.mailbox.of(ADA) == ["verify_email"]


class CountingPasswords(Argon2idPasswords):
    """`Passwords` that counts comparisons."""

    def __init__(self) -> None:
        super().__init__(memory_kib=64, iterations=1)
        self.compared = 0

    def matches(self, password: Password, password_hash: str | None) -> bool:
        """Count the comparison, and compare."""
        self.compared += 1
        return super().matches(password, password_hash)


class TestGettingBackIn:
    NEW = "a quite different password"

    def reset(self, people: People, token: str, password: str = NEW) -> Answer:
        return people.api.post("/auth/reset-password", {"token": token, "password": password})

    @pytest.mark.guarantee("G42")
    def test_g42_ends_every_session_and_the_old_password(self, people: People) -> None:
        one = people.newcomer(ADA)
        other = people.login(ADA).data
        people.ask("/auth/forgot-password", ADA)
        assert self.reset(people, people.mailbox.newest("reset_password", ADA).token).status == 200
        assert one.get("/me").status == 401
        assert people.api.get("/me", token=other["accessToken"]).status == 401
        assert people.api.post("/auth/refresh", {"refreshToken": other["refreshToken"]}).status == 401
        assert people.login(ADA).code == "INVALID_CREDENTIALS"
        assert people.login(ADA, self.NEW).status == 200

    def test_tells_the_owner(self, people: People, table: Engine) -> None:
        people.verified(ADA)
        people.ask("/auth/forgot-password", ADA)
        self.reset(people, people.mailbox.newest("reset_password", ADA).token)
        people.ask("/auth/resend-verification", NOBODY)
        assert people.mailbox.of(ADA)[-1] == "password_changed"

    def test_is_written_down(self, people: People) -> None:
        people.verified(ADA)
        people.ask("/auth/forgot-password", ADA)
        self.reset(people, people.mailbox.newest("reset_password", ADA).token)
        ada = people.api.as_bearer(people.login(ADA, self.NEW).data["accessToken"])
        assert [event["action"] for event in ada.get("/activity/recent").data] == ["login", "reset_password"]

    def test_proves_the_address_too(self, people: People) -> None:
        people.register(ADA, "whoever registered chose this")
        people.ask("/auth/forgot-password", ADA)
        self.reset(people, people.mailbox.newest("reset_password", ADA).token)
        assert people.login(ADA, self.NEW).status == 200

    @pytest.mark.guarantee("G42")
    def test_g42_works_once_however_many_try_at_once(self, people: People) -> None:
        people.verified(ADA)
        people.ask("/auth/forgot-password", ADA)
        token = people.mailbox.newest("reset_password", ADA).token
        assert raced(lambda n: self.reset(people, token, f"password number {n}")) == [200, *[400] * 5]

    @pytest.mark.guarantee("G42")
    def test_g42_makes_every_earlier_link_void(self, people: People) -> None:
        people.register(ADA)
        people.ask("/auth/forgot-password", ADA)
        people.ask("/auth/forgot-password", ADA)
        verification, first, second = people.mailbox.received
        assert self.reset(people, second.token).status == 200
        assert self.reset(people, first.token).fields == {"token"}
        assert people.api.post("/auth/verify-email", {"token": verification.token}).status == 400

    @pytest.mark.guarantee("G42")
    def test_g42_has_an_end(self, people: People, clock: SettableClock) -> None:
        people.verified(ADA)
        people.ask("/auth/forgot-password", ADA)
        clock.advance(3600)
        assert self.reset(people, people.mailbox.newest("reset_password", ADA).token).status == 400
        assert people.login(ADA).status == 200

    def test_keeps_the_link_while_the_password_may_not_be_chosen(self, people: People) -> None:
        people.verified(ADA)
        people.ask("/auth/forgot-password", ADA)
        token = people.mailbox.newest("reset_password", ADA).token
        for refused in ("short", ADA, "x" * 129):
            assert self.reset(people, token, refused).fields == {"password"}
        assert self.reset(people, token).status == 200

    @pytest.mark.guarantee("G42")
    def test_g42_outruns_a_sign_in_with_the_old_password(
        self, people: People, table: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        people.verified(ADA)
        people.ask("/auth/forgot-password", ADA)
        token = people.mailbox.newest("reset_password", ADA).token

        class Slow(CountingPasswords):
            """Resets the password between the comparison of the old one and the begin of a session."""

            def matches(slow, password: Password, password_hash: str | None) -> bool:  # noqa: N805
                right = super().matches(password, password_hash)
                if slow.compared == 1:
                    assert self.reset(people, token).status == 200
                return right

        slow = Slow()
        give(people={"passwords": slow})
        assert people.login(ADA).code == "INVALID_CREDENTIALS"
        assert slow.compared == 2
        assert not [item for item in table.items() if item["kind"]["S"] == "SESSION"]


@pytest.mark.guarantee("G45")
class TestLimits:
    """G45: attempts are limited per account and per IP address, also for accounts that do not exist."""

    @pytest.mark.parametrize("email", [ADA, NOBODY])
    def test_g45_each_failure_doubles_the_wait_of_an_account(
        self, people: People, clock: SettableClock, email: str
    ) -> None:
        people.verified(ADA)
        waits = []
        for number in range(ATTEMPTS_WITHOUT_DELAY + 12):
            attempt = people.login(email, "not the password", ip=f"203.0.113.{number}")
            assert attempt.code == "INVALID_CREDENTIALS"
            if number < ATTEMPTS_WITHOUT_DELAY:
                continue
            refused = people.login(email, ip="203.0.113.99")
            assert refused.code == "RATE_LIMITED"
            waits.append(int(refused.headers["Retry-After"]))
            clock.advance(waits[-1])
        assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
        assert people.login(email).status == (200 if email == ADA else 401)

    def test_g45_thirty_attempts_from_an_address(self, people: People) -> None:
        people.verified(ADA)
        attempts = [people.login(f"guess{number}@example.com").status for number in range(31)]
        assert attempts == [401] * 30 + [429]
        assert people.login(ADA).status == 429
        assert people.login(ADA, ip="198.51.100.1").status == 200

    def test_g45_an_ipv6_network_is_one_address(self, people: People) -> None:
        attempts = [people.login(f"guess{n}@example.com", ip=f"2001:db8:1:2::{n:x}").status for n in range(31)]
        assert attempts[-1] == 429
        assert people.login(ADA, ip="2001:db8:1:3::1").status == 401

    def test_g45_five_mails_an_hour_for_an_account(self, people: People, clock: SettableClock) -> None:
        people.register(ADA)
        for path in ("/auth/forgot-password", "/auth/resend-verification") * 2:
            assert people.ask(path, ADA).status == 202
        assert people.ask("/auth/forgot-password", ADA).status == 429
        assert people.register(ADA).status == 429
        assert people.ask("/auth/forgot-password", BOB).status == 202
        clock.advance(3600)
        assert people.ask("/auth/forgot-password", ADA).status == 202


class TestLetters:
    @pytest.fixture
    def failures(self, people: People, monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
        """The errors of the next attempts to send a mail."""
        pending: list[Exception] = []

        class Failing:
            """A mailer that fails at first."""

            def send(self, to: EmailAddress, template: str, values: Mapping[str, str]) -> None:
                if pending:
                    raise pending.pop(0)
                people.mailbox.send(to, template, values)

        failing = Failing()
        give(people={"mailer": failing})
        return pending

    def arrived(self, table: Engine) -> Any:
        """The waiting letters, as the queue delivers them."""
        return event_for("send_letter", [item for item in table.items() if item["kind"]["S"] == "LETTER"])

    def test_wait_while_mail_cannot_be_sent(
        self, people: People, table: Engine, failures: list[Exception]
    ) -> None:
        failures.append(ConnectionError("the mail service is away"))
        postponed = Postponed()
        give(foundation={"change_queues": postponed})
        body = {"email": ADA, "password": PASSWORD, "name": "Ada"}
        assert people.api.post("/auth/register", body).status == 202
        assert send_letter(self.arrived(table), None) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
        assert postponed.seconds == [1]
        assert people.mailbox.received == []
        assert send_letter(self.arrived(table), None) == {"batchItemFailures": []}
        assert people.mailbox.of(ADA) == ["verify_email"]

    def test_are_given_up_where_they_can_never_arrive(
        self, people: People, table: Engine, failures: list[Exception]
    ) -> None:
        failures.append(Undeliverable("no such domain"))
        people.register(ADA)
        assert people.mailbox.received == []
        assert self.arrived(table) == {"Records": []}

    def test_are_sent_once_when_they_are_brought_twice(self, people: People, table: Engine) -> None:
        people.api.post("/auth/register", {"email": ADA, "password": PASSWORD, "name": "Ada"})
        event = self.arrived(table)
        assert send_letter(event, None) == send_letter(event, None) == {"batchItemFailures": []}
        assert people.mailbox.of(ADA) == ["verify_email"]


class TestTheFirstOwner:
    BODY = {"email": "owner@hearth.example", "password": PASSWORD, "name": "Owner"}  # noqa: RUF012

    def test_is_staff_without_a_customer(self, people: People) -> None:
        me = people.owner_of_the_house().get("/me").data
        assert me["staffRole"] == "OWNER"
        assert me["customers"] == []
        assert me["currentCustomerId"] is None

    def test_is_made_once_for_ever(self, people: People) -> None:
        assert people.api.post("/v1/setup", self.BODY).status == 201
        again = people.api.post("/v1/setup", self.BODY | {"email": "second@hearth.example"})
        assert (again.status, again.code) == (409, "CONFLICT")
        assert people.login("second@hearth.example").status == 401

    def test_is_one_however_many_try_at_once(self, people: People, table: Engine) -> None:
        statuses = raced(lambda n: people.api.post("/v1/setup", self.BODY | {"email": f"o{n}@hearth.example"}))
        assert statuses == [201, *[409] * 5]
        kinds = [item["kind"]["S"] for item in table.items()]
        assert (kinds.count("USER"), kinds.count("STAFF")) == (1, 1)

    def test_cannot_take_over_an_account(self, people: People) -> None:
        people.verified(ADA)
        assert people.api.post("/v1/setup", self.BODY | {"email": ADA}).status == 409
        assert people.api.post("/v1/setup", self.BODY).status == 201
        assert people.login(ADA).status == 200
