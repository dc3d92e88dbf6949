"""Passwords known from breaches: the packaged list, and a range service over real HTTP."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic

import pytest

from chalicelib.adapters.passwords.argon2id import Argon2idPasswords
from chalicelib.adapters.passwords.breaches import HASH_BYTES, CommonPasswords, RangeService, breaches
from chalicelib.domain.people.accounts.models import EmailAddress, Password
from chalicelib.domain.people.accounts.passwords import new_password
from chalicelib.kernel.errors import InvalidInput
from tools.common_passwords import LIST, contents

ADA = EmailAddress("ada@example.com")
KNOWN = Password("correct horse battery staple")
STALLS_SECONDS = 3


class _Service(ThreadingHTTPServer):
    """A range service that knows one password, and can stall, fail or answer without end."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str | None]] = []
        self.mood = "well"
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: _Service

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Add-Padding"]))
        if self.server.mood == "stalling":
            self.server.released.wait(STALLS_SECONDS)
        digest = hashlib.sha1(KNOWN.encode()).hexdigest().upper()
        padding = hashlib.sha1(b"padding is not known").hexdigest().upper()
        lines = [f"{'0' * 35}:12", f"{padding[5:]}:0"]
        if self.path == f"/range/{digest[:5]}":
            lines.append(f"{digest[5:]}:{0 if self.server.mood == 'padding' else 31}")
        content = "\r\n".join(lines).encode()
        self.send_response(503 if self.server.mood == "failing" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def service() -> Iterator[_Service]:
    with _Service() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.released.set()
        running.shutdown()


@pytest.mark.guarantee("G42")
class TestTheListThatShips:
    @pytest.mark.parametrize(
        "known",
        ["password123", "qwertyuiop", "QwertyUiop", "1q2w3e4r5t", "dragon2031!", "!!Monkey!!!!", "1234567890"],
    )
    def test_g42_has_common_passwords_and_those_with_something_around(self, known: str) -> None:
        assert CommonPasswords().contain(Password(known))

    @pytest.mark.parametrize(
        "unknown", [KNOWN, "kq7-Vapour-ledge", "Å spaces matter", "🔥" * 10, "0" * 128, "-- --!!__--"]
    )
    def test_g42_has_no_others(self, unknown: str) -> None:
        assert not CommonPasswords().contain(Password(unknown))

    def test_is_what_the_tool_writes_and_sorted(self) -> None:
        shipped = LIST.read_bytes()
        hashes = [shipped[at : at + HASH_BYTES] for at in range(0, len(shipped), HASH_BYTES)]
        assert shipped == contents()
        assert len(hashes) > 10_000
        assert hashes == sorted(hashes)

    def test_g42_is_asked_of_every_new_password(self) -> None:
        passwords = Argon2idPasswords(memory_kib=64, iterations=1, breaches=breaches("off"))
        with pytest.raises(InvalidInput, match="Others know this password"):
            new_password("password123", ADA, passwords)
        assert new_password(KNOWN, ADA, passwords) == KNOWN


@pytest.mark.guarantee("G42")
class TestARangeService:
    def test_g42_the_service_gets_only_five_letters_of_a_hash(self, service: _Service) -> None:
        assert RangeService(service.url).contain(KNOWN)
        digest = hashlib.sha1(KNOWN.encode()).hexdigest().upper()
        assert service.asked == [(f"/range/{digest[:5]}", "true")]

    def test_g42_knows_others_by_their_whole_hash(self, service: _Service) -> None:
        assert not RangeService(service.url).contain(Password("something that nobody knows"))

    def test_g42_padding_is_no_password(self, service: _Service) -> None:
        service.mood = "padding"
        assert not RangeService(service.url).contain(KNOWN)

    @pytest.mark.parametrize("mood", ["failing", "stalling"])
    def test_refuses_no_password_when_it_does_not_answer(self, service: _Service, mood: str) -> None:
        service.mood = mood
        began = monotonic()
        assert not RangeService(service.url).contain(KNOWN)
        assert monotonic() - began < STALLS_SECONDS

    def test_refuses_no_password_when_it_is_not_there(self) -> None:
        assert not RangeService("http://127.0.0.1:9").contain(KNOWN)

    def test_is_asked_where_an_installation_names_one(self, service: _Service) -> None:
        passwords = Argon2idPasswords(memory_kib=64, iterations=1, breaches=breaches(service.url))
        assert passwords.is_breached(KNOWN)
