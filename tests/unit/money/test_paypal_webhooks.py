"""PayPal's signature by certificate, and the object of an event."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.gateways.paypal import PayPalConfig, PayPalGateway, webhooks
from chalicelib.adapters.gateways.paypal.certificates import is_certificate_url
from chalicelib.domain.money.top_ups.models import GatewayUnreachable, InvalidSignature
from dev.simulators.http import LoopbackServer, Response
from dev.simulators.paypal import CLIENT_ID, CLIENT_SECRET, WEBHOOK_ID, PayPalSimulator
from dev.simulators.paypal.signing import Signer
from tests.support.clock import START, SettableClock

BODY = json.dumps(
    {
        "id": "WH-1",
        "event_type": "CHECKOUT.ORDER.APPROVED",
        "resource_type": "checkout-order",
        "resource": {"id": "5O190127TN364715T", "purchase_units": [{"custom_id": "top_1"}]},
    }
).encode()
LIVE, SANDBOX = "https://api-m.paypal.com", "https://api-m.sandbox.paypal.com"
CERTIFICATE = "/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"


@pytest.fixture(scope="module")
def simulator() -> Iterator[PayPalSimulator]:
    with PayPalSimulator(clock=SettableClock()) as running:
        yield running


@pytest.fixture(autouse=True)
def calm(simulator: PayPalSimulator) -> Iterator[None]:
    yield
    simulator.faults.clear()


@pytest.fixture
def gateway(simulator: PayPalSimulator) -> PayPalGateway:
    return gateway_of(simulator.base_url)


def gateway_of(base_url: str, **more: Any) -> PayPalGateway:
    given_ = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "webhook_ids": [WEBHOOK_ID]}
    config = PayPalConfig.model_validate({**given_, "api_base": base_url, **more})
    return PayPalGateway(config, SettableClock())


def signed(simulator: PayPalSimulator, body: bytes = BODY, **how: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in simulator.signer.headers(body, **how).items()}


def fetched(simulator: PayPalSimulator) -> int:
    return sum(item["path"] == simulator.signer.certificate_path for item in simulator.requests)


@pytest.mark.guarantee("G40")
class TestSignature:
    def test_g40_what_paypal_signed_is_taken(self, simulator: PayPalSimulator, gateway: PayPalGateway) -> None:
        notice = gateway.verify(BODY, signed(simulator), START)
        assert (notice.event_id, notice.kind) == ("WH-1", "CHECKOUT.ORDER.APPROVED")
        assert (notice.provider_id, notice.reference) == ("5O190127TN364715T", "top_1")

    def test_g40_the_certificate_is_fetched_once_and_nothing_else_is(
        self, simulator: PayPalSimulator, gateway: PayPalGateway
    ) -> None:
        before, requests = fetched(simulator), len(simulator.requests)
        for _ in range(5):
            gateway.verify(BODY, signed(simulator), START)
        assert (fetched(simulator), len(simulator.requests)) == (before + 1, requests + 1)

    @pytest.mark.parametrize(("seconds", "taken"), [(-7201, False), (-7199, True), (299, True), (301, False)])
    def test_g40_the_window_holds_in_both_directions(
        self, simulator: PayPalSimulator, gateway: PayPalGateway, seconds: int, taken: bool
    ) -> None:
        headers = signed(simulator, at=START + timedelta(seconds=seconds))
        if taken:
            assert gateway.verify(BODY, headers, START).event_id == "WH-1"
        else:
            with pytest.raises(InvalidSignature, match="seconds ago"):
                gateway.verify(BODY, headers, START)

    def test_g40_for_another_webhook_it_is_refused(
        self, simulator: PayPalSimulator, gateway: PayPalGateway
    ) -> None:
        with pytest.raises(InvalidSignature):
            gateway.verify(BODY, signed(simulator, webhook_id="9XL90610J3647323C"), START)

    def test_g40_by_another_key_it_is_refused(self, simulator: PayPalSimulator, gateway: PayPalGateway) -> None:
        stranger = Signer(simulator.base_url, lambda: START)
        headers = {name.lower(): value for name, value in stranger.headers(BODY).items()}
        with pytest.raises(InvalidSignature, match="no certificate"):
            gateway.verify(BODY, headers, START)
        with pytest.raises(InvalidSignature):
            gateway.verify(BODY, headers | {"paypal-cert-url": signed(simulator)["paypal-cert-url"]}, START)

    def test_g40_an_expired_certificate_is_refused(
        self, simulator: PayPalSimulator, gateway: PayPalGateway
    ) -> None:
        late = datetime(2101, 1, 1, tzinfo=UTC)
        with pytest.raises(InvalidSignature, match="not valid now"):
            gateway.verify(BODY, signed(simulator, at=late), late)

    def test_g40_a_key_that_is_not_rsa_is_refused(
        self, simulator: PayPalSimulator, gateway: PayPalGateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(simulator.signer, "certificate", elliptic_certificate())
        with pytest.raises(InvalidSignature):
            gateway.verify(BODY, signed(simulator), START)

    def test_g40_a_certificate_of_any_size_is_not_read(
        self, simulator: PayPalSimulator, gateway: PayPalGateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(simulator.signer, "certificate", simulator.signer.certificate + "\n" * 70_000)
        with pytest.raises(InvalidSignature, match="no certificate"):
            gateway.verify(BODY, signed(simulator), START)

    def test_g40_a_certificate_elsewhere_is_not_followed_to(self, simulator: PayPalSimulator) -> None:
        """Otherwise a redirect on PayPal's host would allow others to sign as PayPal."""
        elsewhere = simulator.base_url + simulator.signer.certificate_path
        server = LoopbackServer(lambda request: Response(302, None, {"Location": elsewhere}))
        server.start()
        try:
            headers = signed(simulator) | {"paypal-cert-url": server.base_url + CERTIFICATE}
            with pytest.raises(InvalidSignature, match="no certificate at its URL: 302"):
                gateway_of(server.base_url).verify(BODY, headers, START)
        finally:
            server.stop()

    @pytest.mark.parametrize("served", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
    def test_g40_what_is_no_certificate_is_refused(
        self, simulator: PayPalSimulator, gateway: PayPalGateway, monkeypatch: pytest.MonkeyPatch, served: str
    ) -> None:
        monkeypatch.setattr(simulator.signer, "certificate", served)
        with pytest.raises(InvalidSignature):
            gateway.verify(BODY, signed(simulator), START)

    @pytest.mark.parametrize("kind", ["error_before_effect", "connection_reset", "drop_after_effect"])
    def test_without_an_answer_for_the_certificate_paypal_sends_again(
        self, simulator: PayPalSimulator, gateway: PayPalGateway, kind: str
    ) -> None:
        simulator.inject(kind)
        with pytest.raises(GatewayUnreachable):
            gateway.verify(BODY, signed(simulator), START)
        assert gateway.verify(BODY, signed(simulator), START).event_id == "WH-1"

    @pytest.mark.parametrize(
        "name",
        [
            "paypal-auth-algo",
            "paypal-cert-url",
            "paypal-transmission-id",
            "paypal-transmission-sig",
            "paypal-transmission-time",
        ],
    )
    @pytest.mark.parametrize("value", [None, "", "x", "\x00", "é" * 40, "A" * 3000, "2031-05-04T12:00:30", "===="])
    def test_g40_a_header_that_is_wrong_is_refused(
        self, simulator: PayPalSimulator, gateway: PayPalGateway, name: str, value: str | None
    ) -> None:
        headers = signed(simulator)
        changed = {key: text for key, text in headers.items() if key != name}
        if value is not None:
            changed[name] = value
        with pytest.raises(InvalidSignature):
            gateway.verify(BODY, changed, START)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
    @given(place=st.integers(0, len(BODY) - 1), flip=st.integers(1, 255), cut=st.integers(0, len(BODY) - 1))
    def test_g40_no_byte_may_change_or_lack(
        self, simulator: PayPalSimulator, gateway: PayPalGateway, place: int, flip: int, cut: int
    ) -> None:
        headers = signed(simulator)
        altered = bytearray(BODY)
        altered[place] ^= flip
        for body in (bytes(altered), BODY[:cut], BODY + BODY[cut:]):
            with pytest.raises(InvalidSignature):
                gateway.verify(body, headers, START)

    @pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"id": "", "event_type": "x"}', b"\xff\xfe"])
    def test_g40_what_is_signed_but_no_event_is_refused(
        self, simulator: PayPalSimulator, gateway: PayPalGateway, body: bytes
    ) -> None:
        with pytest.raises(InvalidSignature, match="no event"):
            gateway.verify(body, signed(simulator, body), START)

    def test_g40_an_unsigned_letter_makes_nothing_be_fetched(
        self, simulator: PayPalSimulator, gateway: PayPalGateway
    ) -> None:
        before = len(simulator.requests)
        headers = signed(simulator)
        for changed in (
            {"paypal-cert-url": f"{simulator.base_url}/_control/state"},
            {"paypal-cert-url": "https://evil.example.com" + CERTIFICATE},
            {"paypal-transmission-time": "2020-01-01T00:00:00Z"},
            {"paypal-auth-algo": "none"},
            {"paypal-transmission-sig": "not base64!"},
        ):
            with pytest.raises(InvalidSignature):
                gateway.verify(BODY, headers | changed, START)
        assert len(simulator.requests) == before


@pytest.mark.guarantee("G40")
class TestCertificateUrl:
    @pytest.mark.parametrize(
        ("url", "api_url"),
        [
            (f"https://api.paypal.com{CERTIFICATE}", LIVE),
            (f"https://api-m.paypal.com:443{CERTIFICATE}", LIVE),
            (f"https://api.sandbox.paypal.com{CERTIFICATE}", SANDBOX),
            (f"http://127.0.0.1:4010{CERTIFICATE}", "http://127.0.0.1:4010"),
        ],
    )
    def test_g40_paypals_own_is_taken(self, url: str, api_url: str) -> None:
        assert is_certificate_url(url, api_url)

    @pytest.mark.parametrize(
        "url",
        [
            f"http://api.paypal.com{CERTIFICATE}",
            f"https://api.sandbox.paypal.com{CERTIFICATE}",
            f"https://paypal.com.evil.example{CERTIFICATE}",
            f"https://evilpaypal.com{CERTIFICATE}",
            f"https://api.paypal.com@evil.example{CERTIFICATE}",
            f"https://somebody@api.paypal.com{CERTIFICATE}",
            f"https://evil.example#@api.paypal.com{CERTIFICATE}",
            f"https://api.paypal.com:8443{CERTIFICATE}",
            f"https://api.paypal.com:port{CERTIFICATE}",
            f"https://api.paypal.com{CERTIFICATE}?next=https://evil.example",
            f"https://api.paypal.com{CERTIFICATE}/../../../evil",
            "https://api.paypal.com/v1/notifications/certs/",
            "https://api.paypal.com/cgi-bin/webscr",
            f"http://127.0.0.1:4010{CERTIFICATE}",
            "file:///etc/ssl/cert.pem",
            "https://[::1",
            "",
        ],
    )
    def test_g40_any_other_is_refused(self, url: str) -> None:
        assert not is_certificate_url(url, LIVE)

    def test_g40_the_sandbox_does_not_speak_for_itself_on_the_live_host(self) -> None:
        assert not is_certificate_url(f"https://api.paypal.com{CERTIFICATE}", SANDBOX)
        assert not is_certificate_url(f"http://127.0.0.1:4011{CERTIFICATE}", "http://127.0.0.1:4010")

    @given(st.text(max_size=80))
    @example("https://")
    def test_g40_no_text_makes_it_fail(self, text: str) -> None:
        assert not is_certificate_url(text, LIVE)
        is_certificate_url(f"https://{text}{CERTIFICATE}", LIVE)


class TestNotice:
    @pytest.mark.parametrize(
        ("resource_type", "resource", "provider_id", "reference"),
        [
            (
                "capture",
                {
                    "id": "CAP1",
                    "custom_id": "top_1",
                    "supplementary_data": {"related_ids": {"order_id": "ORD1"}},
                },
                "ORD1",
                "top_1",
            ),
            (
                "capture",
                {"id": "C", "links": [{"rel": "up", "href": "https://api.paypal.com/v2/checkout/orders/ORD1"}]},
                "ORD1",
                None,
            ),
            (
                "refund",
                {
                    "id": "R",
                    "custom_id": "top_1",
                    "links": [{"rel": "up", "href": "https://api.paypal.com/v2/payments/captures/CAP1"}],
                },
                "capture:CAP1",
                "top_1",
            ),
            (
                "dispute",
                {
                    "dispute_id": "PP-D-1",
                    "disputed_transactions": [{"seller_transaction_id": "CAP1", "custom": "top_1"}],
                },
                "capture:CAP1",
                "top_1",
            ),
            (
                "payment-approval",
                {"order_id": "ORD1", "purchase_units": [{"custom_id": "top_1"}]},
                "ORD1",
                "top_1",
            ),
            (
                "sale",
                {"id": "S", "links": [{"rel": "up", "href": "https://api.paypal.com/v1/payments/PAY-1"}]},
                None,
                None,
            ),
            ("plan", {"id": "P-1"}, None, None),
        ],
    )
    def test_every_kind_of_event_leads_to_its_order(
        self, resource_type: str, resource: dict[str, Any], provider_id: str | None, reference: str | None
    ) -> None:
        event = {"id": "WH-1", "event_type": "X", "resource_type": resource_type, "resource": resource}
        notice = webhooks.notice_of(json.dumps(event).encode())
        assert (notice.provider_id, notice.reference) == (provider_id, reference)


def elliptic_certificate() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "paypal.example")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
