"""The certificates that sign PayPal's webhooks; each is fetched once from PayPal itself."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from chalicelib.adapters.gateways.paypal.client import PayPalClient
from chalicelib.domain.money.top_ups.models import InvalidSignature

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_PATH: Final = re.compile(r"/v1/notifications/certs/CERT-[A-Za-z0-9-]{1,100}", re.ASCII)
_PAYPAL: Final = ".paypal.com"
_SANDBOX: Final = ".sandbox.paypal.com"
_KEPT: Final = 8
_MAX_BYTES: Final = 65_536


def is_certificate_url(url: str, api_url: str) -> bool:
    """Whether `url` is a certificate's address at the PayPal of `api_url`.

    The URL comes from an unverified header, and the certificate there is trusted. So it must be on PayPal's own
    hosts, over TLS, and for the sandbox on the sandbox's hosts. A simulator's certificates must be on the
    simulator's own host.
    """
    try:
        found, api = urlsplit(url), urlsplit(api_url)
        port = found.port
    except ValueError:
        return False
    if not _PATH.fullmatch(found.path) or found.query or found.fragment or "@" in found.netloc:
        return False
    ours, theirs = api.hostname or "", found.hostname or ""
    if not ours.endswith(_PAYPAL):
        return (found.scheme, found.netloc) == (api.scheme, api.netloc)
    if found.scheme != "https" or port not in {None, 443} or not theirs.endswith(_PAYPAL):
        return False
    return theirs.endswith(_SANDBOX) == ours.endswith(_SANDBOX)


class Certificates:
    """Fetches certificates, and keeps them as long as this object lives."""

    def __init__(self, client: PayPalClient, api_url: str) -> None:
        self._client = client
        self._api_url = api_url
        self._kept: dict[str, Certificate] = {}

    def get(self, url: str, now: datetime) -> "Certificate":
        """The certificate at `url`, which must be valid at `now`.

        Raises:
            InvalidSignature: the URL is not PayPal's, or there is no certificate, or it is not valid now.
            GatewayUnreachable: PayPal does not answer; it will send the webhook again.
        """
        if not is_certificate_url(url, self._api_url):
            raise InvalidSignature("the certificate is not on PayPal's hosts")
        certificate = self._kept.get(url) or self._fetch(url)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise InvalidSignature("the certificate is not valid now")
        return certificate

    def _fetch(self, url: str) -> "Certificate":
        from cryptography.x509 import load_pem_x509_certificate

        response = self._client.download(url)
        if response.status != 200 or len(response.content) > _MAX_BYTES:
            raise InvalidSignature(f"there is no certificate at its URL: {response.status}")
        try:
            certificate = load_pem_x509_certificate(response.content)
        except ValueError:
            raise InvalidSignature("what is at the certificate's URL is none") from None
        if len(self._kept) >= _KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[url] = certificate
        return certificate
