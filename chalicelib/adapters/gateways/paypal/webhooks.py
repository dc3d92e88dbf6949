"""Verifies PayPal's webhooks, and finds the objects that they are about.

PayPal signs `transmission id|transmission time|webhook id|CRC32 of the raw body` with SHA256withRSA
(https://developer.paypal.com/api/rest/webhooks/rest/). The signature is verified here, not with PayPal's call
`verify-webhook-signature`, for two reasons. It needs no token and no call to PayPal for each webhook (only the
certificate, once), so a webhook is answered at once even while PayPal's API is slow. And it checks the bytes that
arrived; that call takes the event as JSON, and fails if re-encoding changes a byte.

A CRC is no cryptographic hash: an attacker with a genuine transmission can construct another body with the same
checksum. That gains nothing, because a notice is never believed: its object is fetched from PayPal (G02).
"""

import base64
import binascii
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from pydantic import Field, ValidationError

from chalicelib.adapters.gateways.paypal.answers import Answer, Link, SupplementaryData
from chalicelib.adapters.gateways.paypal.certificates import Certificates
from chalicelib.adapters.gateways.paypal.states import CAPTURE_PREFIX
from chalicelib.domain.money.top_ups.models import InvalidSignature, Notice
from chalicelib.kernel.clock import parse_isoformat

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

FUTURE_SECONDS: Final = 300
"""How far PayPal's clock may be ahead of ours."""
_ALGORITHM: Final = "SHA256withRSA"
_MAX_HEADER_LENGTH: Final = 2000


class _PurchaseUnit(Answer):
    custom_id: str | None = None


class _DisputedTransaction(Answer):
    seller_transaction_id: str | None = None
    custom: str | None = None


class _Resource(Answer):
    """An order, a capture, a refund or a dispute. Each kind names its parent object in another field."""

    id: str | None = None
    order_id: str | None = None
    custom_id: str | None = None
    purchase_units: tuple[_PurchaseUnit, ...] = ()
    supplementary_data: SupplementaryData = SupplementaryData()
    disputed_transactions: tuple[_DisputedTransaction, ...] = ()
    links: tuple[Link, ...] = ()


class _Event(Answer):
    id: str = Field(min_length=1, max_length=128)
    event_type: str = Field(min_length=1, max_length=128)
    resource_type: str = Field(default="", max_length=64)
    resource: _Resource = _Resource()


def verify(
    raw_body: bytes,
    headers: Mapping[str, str],
    now: datetime,
    webhook_ids: Iterable[str],
    max_age_seconds: int,
    certificates: Certificates,
) -> Notice:
    """Verify a webhook and return its notice.

    Cheap checks come first, so that nobody can make us fetch certificates by sending empty requests. Verifying an
    RSA signature uses no secret, so its duration reveals nothing.

    Raises:
        InvalidSignature: PayPal did not sign it for one of our webhooks, or not within the time window.
        GatewayUnreachable: the certificate cannot be fetched now.
    """
    transmission_id = _header(headers, "paypal-transmission-id")
    sent_at = _header(headers, "paypal-transmission-time")
    if _header(headers, "paypal-auth-algo") != _ALGORITHM:
        raise InvalidSignature(f"PayPal signs with {_ALGORITHM}")
    _check_age(sent_at, now, max_age_seconds)
    try:
        signature = base64.b64decode(_header(headers, "paypal-transmission-sig"), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSignature("the signature is not base64") from None
    certificate = certificates.get(_header(headers, "paypal-cert-url"), now)
    checksum = zlib.crc32(raw_body)
    signed = (f"{transmission_id}|{sent_at}|{webhook_id}|{checksum}" for webhook_id in webhook_ids)
    if not any(_is_signed(certificate, signature, text.encode()) for text in signed):
        raise InvalidSignature("the signature is not PayPal's over this body for our webhook")
    return notice_of(raw_body)


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    if not 0 < len(value) <= _MAX_HEADER_LENGTH:
        raise InvalidSignature(f"{name} is missing or too long")
    return value


def _check_age(sent_at: str, now: datetime, max_age_seconds: int) -> None:
    try:
        age_seconds = (now - parse_isoformat(sent_at)).total_seconds()
    except ValueError:
        raise InvalidSignature("the transmission time is not an instant") from None
    if not -FUTURE_SECONDS <= age_seconds <= max_age_seconds:
        raise InvalidSignature(f"sent {age_seconds:.0f} seconds ago")


def _is_signed(certificate: "Certificate", signature: bytes, text: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature as WrongSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256

    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        return False
    try:
        key.verify(signature, text, PKCS1v15(), SHA256())
    except WrongSignature:
        return False
    return True


def notice_of(raw_body: bytes) -> Notice:
    """The notice in a verified event.

    Events of refunds and disputes name the capture, not the order; `fetch` accepts both.

    Raises:
        InvalidSignature: the body is signed, but is not an event.
    """
    try:
        event = _Event.model_validate_json(raw_body)
    except ValidationError:
        raise InvalidSignature("the signed body is no event of PayPal's") from None
    return Notice(event.id, event.event_type, _provider_id(event), _reference(event.resource))


def _provider_id(event: _Event) -> str | None:
    resource = event.resource
    if event.resource_type == "checkout-order":
        return resource.id or resource.order_id
    order_id = resource.supplementary_data.related_ids.order_id or resource.order_id
    return order_id or _of_link(resource) or _of_dispute(resource)


def _of_link(resource: _Resource) -> str | None:
    """The parent named by a link: the order of a capture, or the capture of a refund."""
    up = next((link.href for link in resource.links if link.rel == "up"), "")
    path, _, found = up.rpartition("/")
    if path.endswith("/v2/checkout/orders"):
        return found or None
    return CAPTURE_PREFIX + found if path.endswith("/v2/payments/captures") and found else None


def _of_dispute(resource: _Resource) -> str | None:
    named = (transaction.seller_transaction_id for transaction in resource.disputed_transactions)
    return next((CAPTURE_PREFIX + capture_id for capture_id in named if capture_id), None)


def _reference(resource: _Resource) -> str | None:
    named = [
        resource.custom_id,
        *(unit.custom_id for unit in resource.purchase_units),
        *(transaction.custom for transaction in resource.disputed_transactions),
    ]
    return next((name for name in named if name), None)
