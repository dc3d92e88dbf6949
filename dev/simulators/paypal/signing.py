"""The certificate of the simulated PayPal's webhooks, and the headers of a transmission."""

import base64
import secrets
import uuid
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from dev.simulators.paypal.account import WEBHOOK_ID
from dev.simulators.paypal.views import instant

CERTIFICATES: Final = "/v1/notifications/certs/"
_NAME: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "messageverificationcerts.paypal.example")])


class Signer:
    """A key and its certificate; they and the certificate's URL are new in each process."""

    def __init__(self, base_url: str, now: Callable[[], datetime]) -> None:
        self.certificate_path = f"{CERTIFICATES}CERT-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
        self._url = base_url + self.certificate_path
        self._now = now

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def certificate(self) -> str:
        """The certificate as PEM."""
        built = (
            x509.CertificateBuilder()
            .subject_name(_NAME)
            .issuer_name(_NAME)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
            .sign(self._key, hashes.SHA256())
        )
        return built.public_bytes(serialization.Encoding.PEM).decode()

    def headers(
        self, body: bytes, *, at: datetime | None = None, webhook_id: str = WEBHOOK_ID
    ) -> Mapping[str, str]:
        """The headers of a transmission of `body`, sent now or `at` another time."""
        transmission_id, sent_at = str(uuid.uuid4()), instant(at or self._now())
        signed = f"{transmission_id}|{sent_at}|{webhook_id}|{zlib.crc32(body)}".encode()
        signature = self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return {
            "PAYPAL-TRANSMISSION-ID": transmission_id,
            "PAYPAL-TRANSMISSION-TIME": sent_at,
            "PAYPAL-TRANSMISSION-SIG": base64.b64encode(signature).decode(),
            "PAYPAL-CERT-URL": self._url,
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
            "PAYPAL-AUTH-VERSION": "v2",
        }
