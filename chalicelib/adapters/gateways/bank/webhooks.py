"""Verifies the bank's webhooks (G40).

`X-Bank-Signature: v1=<hex>` is the HMAC-SHA256, with our secret, of `<X-Bank-Timestamp>.<raw body>`; the timestamp
is in seconds since 1970. It is signed together with the body, so neither can be replaced. It must be close to now,
so an old webhook cannot be replayed later.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from pydantic import SecretStr, ValidationError

from chalicelib.adapters.gateways.bank.wire import AnnouncedTransfer, Announcement
from chalicelib.domain.money.bank_references.models import currency_of, find_references, normalized
from chalicelib.domain.money.top_ups.models import InvalidSignature, Notice

TOLERANCE_SECONDS: Final = 300
_TIMESTAMP: Final = re.compile(r"\d{1,12}", re.ASCII)
_SIGNATURE: Final = re.compile(r"v1=(?P<hex>[0-9a-f]{64})", re.ASCII)


def signature(raw_body: bytes, timestamp: str, secret: str) -> str:
    """The value of `X-Bank-Signature`."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + raw_body, hashlib.sha256)
    return f"v1={digest.hexdigest()}"


def verify(raw_body: bytes, headers: Mapping[str, str], now: datetime, secrets: Iterable[SecretStr]) -> Notice:
    """Verify a webhook and return its notice.

    Raises:
        InvalidSignature: it was not signed by the bank, is too old, is from the future, or has another form.
    """
    timestamp = headers.get("x-bank-timestamp", "")
    given = headers.get("x-bank-signature", "")
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(given):
        raise InvalidSignature("no timestamp, or no signature")
    # Every secret is tried, so that the time does not reveal which one matches.
    fits = [
        hmac.compare_digest(signature(raw_body, timestamp, secret.get_secret_value()), given) for secret in secrets
    ]
    if not any(fits):
        raise InvalidSignature("the signature does not fit")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise InvalidSignature("too old, or from the future")
    try:
        announcement = Announcement.model_validate_json(raw_body)
    except ValidationError as error:
        raise InvalidSignature("signed, and not an announcement") from error
    provider_id = _provider_id(announcement.transfer) if announcement.transfer else None
    return Notice(announcement.id, announcement.type, provider_id)


def _provider_id(transfer: AnnouncedTransfer) -> str:
    """The reference, if the bank's search finds the transfer by it; otherwise the bank's id of the transfer."""
    text = f"{transfer.text}\n{transfer.end_to_end_id}"
    references = find_references(text)
    if (
        len(references) == 1
        and references[0] in normalized(text)
        and currency_of(references[0]) == transfer.currency
    ):
        return references[0]
    return transfer.id
