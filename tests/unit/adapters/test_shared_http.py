"""The shared HTTP client: retries, time limits, limits of size, and errors."""

import contextlib
import gzip
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from decimal import Decimal
from email.utils import formatdate
from socketserver import StreamRequestHandler, TCPServer
from time import time

import pytest
from pydantic import SecretStr, TypeAdapter

from chalicelib.adapters.shared.http import Bounds, HttpAnswer, HttpClient, NoAnswer, excerpt
from chalicelib.adapters.shared.payment_api import PaymentApi
from chalicelib.domain.money.top_ups.models import GatewayBusy, GatewayError, GatewayRefused, GatewayUnreachable

SECRET = "sk-0123456789"


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    """An answer as bytes of HTTP."""
    lines = [f"HTTP/1.1 {status} Word", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


OK = answer(200, body=b"ok")
BUSY = answer(503)
NOTHING = b""


class Service(TCPServer):
    """Answers each connection with the next of `answers`, byte for byte, and repeats the last one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.answers: Sequence[bytes] = [OK]
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """The address at which it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Exchange(StreamRequestHandler):
    server: Service

    def handle(self) -> None:
        head = "".join(iter(lambda: self.rfile.readline().decode(), "\r\n"))
        length = re.search(r"(?i)^content-length: (\d+)", head, re.MULTILINE)
        self.rfile.read(int(length[1]) if length else 0)  # unread data would reset the connection
        self.server.asked.append(head)
        answers = self.server.answers
        with contextlib.suppress(OSError):  # the client has closed the connection
            self.wfile.write(answers[min(len(self.server.asked), len(answers)) - 1])


@pytest.fixture
def service() -> Iterator[Service]:
    """A running service."""
    with Service() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


class Patience:
    """A clock that only pauses advance."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.tick = 0.0
        """The time that each read of the clock takes."""

    def monotonic(self) -> float:
        """Like `time.monotonic`."""
        self.now += self.tick
        return self.now

    def pause(self, seconds: float) -> None:
        """Like `time.sleep`."""
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def patience() -> Patience:
    """The client's clock."""
    return Patience()


def client(patience: Patience, bounds: Bounds | None = None) -> HttpClient:
    return HttpClient("the service", bounds, monotonic=patience.monotonic, pause=patience.pause)


class TestRepeating:
    @pytest.mark.parametrize("trouble", [BUSY, NOTHING, answer(429), answer(500), answer(502), answer(504)])
    def test_reading_is_repeated_until_there_is_an_answer(
        self, service: Service, patience: Patience, trouble: bytes
    ) -> None:
        service.answers = [trouble, trouble, OK]
        assert client(patience).request("GET", service.url) == HttpAnswer(200, b"ok")
        assert patience.pauses == pytest.approx([0.1, 0.2])

    @pytest.mark.parametrize("trouble", [BUSY, NOTHING])
    def test_requests_that_change_something_are_sent_once(
        self, service: Service, patience: Patience, trouble: bytes
    ) -> None:
        service.answers = [trouble, OK]
        try:
            assert client(patience).request("POST", service.url, body=b"{}").status == 503
        except NoAnswer:
            assert trouble == NOTHING
        assert len(service.asked) == 1

    def test_unless_the_caller_knows_that_twice_is_once(self, service: Service, patience: Patience) -> None:
        service.answers = [NOTHING, OK]
        assert client(patience).request("POST", service.url, body=b"{}", may_repeat=True).status == 200
        assert [text.partition(" ")[0] for text in service.asked] == ["POST", "POST"]

    def test_the_caller_can_limit_reading_to_one_attempt(self, service: Service, patience: Patience) -> None:
        service.answers = [BUSY, OK]
        assert client(patience).request("GET", service.url, may_repeat=False).status == 503

    @pytest.mark.parametrize("status", [301, 400, 401, 404, 409, 501])
    def test_an_answer_that_would_be_the_same_again_is_taken(
        self, service: Service, patience: Patience, status: int
    ) -> None:
        service.answers = [answer(status), OK]
        assert client(patience).request("GET", service.url).status == status

    def test_attempts_are_counted(self, service: Service, patience: Patience) -> None:
        service.answers = [BUSY]
        assert client(patience, Bounds(attempts=4)).request("GET", service.url).status == 503
        assert len(service.asked) == 4

    def test_redirects_are_not_followed(self, service: Service, patience: Patience) -> None:
        service.answers = [answer(302, f"Location: {service.url}/elsewhere"), OK]
        assert client(patience).request("GET", service.url).status == 302
        assert len(service.asked) == 1


class TestRetryAfter:
    def test_is_waited_for(self, service: Service, patience: Patience) -> None:
        service.answers = [answer(429, "Retry-After: 2"), answer(503, "Retry-After: 1"), OK]
        assert client(patience).request("GET", service.url).status == 200
        assert patience.pauses == [2, 1]

    def test_may_be_a_date(self, service: Service, patience: Patience) -> None:
        service.answers = [answer(429, f"Retry-After: {formatdate(time() + 1.5, usegmt=True)}"), OK]
        assert client(patience).request("GET", service.url).status == 200
        assert 0 <= patience.pauses[0] <= 2

    def test_a_wait_longer_than_the_limit_is_left_to_the_caller(
        self, service: Service, patience: Patience
    ) -> None:
        service.answers = [answer(429, "Retry-After: 3"), OK]
        assert client(patience).request("GET", service.url) == HttpAnswer(429, b"", 3)
        assert patience.pauses == []

    @pytest.mark.parametrize("header", ["soon", "", "-1", "9" * 5000, "Fri, 01 Jan 99999999 00:00:00 GMT"])
    def test_that_says_nothing_is_as_none(self, service: Service, patience: Patience, header: str) -> None:
        service.answers = [answer(429, f"Retry-After: {header}"), OK]
        assert client(patience).request("GET", service.url).status == 200
        assert patience.pauses == pytest.approx([0.1])


class TestBounds:
    def test_no_attempt_begins_after_the_budget(self, service: Service, patience: Patience) -> None:
        service.answers = [answer(503, "Retry-After: 1")]
        bounds = Bounds(whole_seconds=2.5, attempts=9)
        assert client(patience, bounds).request("GET", service.url).status == 503
        assert len(service.asked) == 3

    def test_the_budget_is_one_attempts_time_outs_where_nothing_else_is_said(self) -> None:
        assert Bounds(connect_seconds=3, read_seconds=12).budget_seconds == 15

    def test_a_silent_service_is_given_up(self, patience: Patience) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(NoAnswer, match="ReadTimeoutError"):
                client(patience, Bounds(read_seconds=0.05, attempts=2)).request("GET", url)
        assert len(patience.pauses) == 1

    def test_a_service_that_answers_without_end_is_given_up(self, service: Service, patience: Patience) -> None:
        service.answers = [answer(200, body=b"x" * 1_000_000)]
        patience.tick = 3
        with pytest.raises(NoAnswer, match="takes too long"):
            client(patience, Bounds(whole_seconds=10, attempts=1)).request("GET", service.url)

    @pytest.mark.parametrize("compressed", [False, True])
    def test_an_answer_has_so_many_bytes_and_no_more(
        self, service: Service, patience: Patience, compressed: bool
    ) -> None:
        bounds = Bounds(answer_bytes=100_000, attempts=1)
        for size in (100_000, 100_001):
            body = b"x" * size
            encoding = ("Content-Encoding: gzip",) if compressed else ()
            service.answers = [answer(200, *encoding, body=gzip.compress(body) if compressed else body)]
            if size == bounds.answer_bytes:
                assert client(patience, bounds).request("GET", service.url).content == body
            else:
                with pytest.raises(NoAnswer, match="longer than 100000 bytes"):
                    client(patience, bounds).request("GET", service.url)

    def test_half_an_answer_is_none(self, service: Service, patience: Patience) -> None:
        service.answers = [OK[:-1]]
        with pytest.raises(NoAnswer):
            client(patience).request("GET", service.url)
        assert len(service.asked) == 3


@pytest.mark.guarantee("G46")
class TestWhatErrorsSay:
    def test_g46_no_header_and_no_query(self, patience: Patience) -> None:
        with pytest.raises(NoAnswer) as caught:
            client(patience).request("GET", f"http://127.0.0.1:9/things?key={SECRET}", headers={"Key": SECRET})
        assert "the service, GET http://127.0.0.1:9/things" in str(caught.value)
        assert SECRET not in str(caught.value)

    def test_g46_an_excerpt_is_short_on_one_line_and_without_secrets(self) -> None:
        told = HttpAnswer(401, f"no:\r\n\x1b {SECRET} is unknown {'x' * 1000}".encode())
        assert excerpt(told, [SECRET]).startswith("no: *** is unknown xxx")
        assert len(excerpt(told)) <= 200

    def test_g46_an_answer_is_not_shown(self) -> None:
        assert "hush" not in repr(HttpAnswer(200, b"hush"))


class TestPaymentApi:
    def api(self, service: Service) -> PaymentApi:
        credential = ("Authorization", "Bearer", SecretStr(SECRET))
        return PaymentApi("Payer", f"{service.url}/v1/", credential, Bounds(attempts=1), refusal="No.")

    def test_numbers_are_exact(self, service: Service) -> None:
        service.answers = [answer(200, body=b'{"n": 0.1000000000000000055}')]
        found = self.api(service).call(TypeAdapter(dict[str, Decimal]), "GET", "/n?a=b")
        assert found == {"n": Decimal("0.1000000000000000055")}
        assert service.asked[0].startswith("GET /v1/n?a=b HTTP/1.1\r\n")
        assert f"Authorization: Bearer {SECRET}\r\n" in service.asked[0]

    @pytest.mark.guarantee("G46")
    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            (400, GatewayRefused),
            (404, GatewayRefused),
            (429, GatewayBusy),
            (500, GatewayUnreachable),
            (302, GatewayUnreachable),
        ],
    )
    def test_g46_a_refusal_has_the_ports_word_and_no_secret(
        self, service: Service, status: int, expected: type[GatewayError]
    ) -> None:
        service.answers = [answer(status, body=f"key {SECRET} is not welcome".encode())]
        with pytest.raises(expected, match=rf"Payer, GET /n: {status} key \*\*\* is not welcome") as caught:
            self.api(service).call(TypeAdapter(int), "GET", f"/n?key={SECRET}")
        assert SECRET not in str(caught.value)
        assert not isinstance(caught.value, GatewayRefused) or caught.value.sentence == "No."
