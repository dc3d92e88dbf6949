"""Verifies Stripe's webhooks (https://docs.stripe.com/webhooks/signature), and finds the objects that they are
about.

The SDK's own check has three drawbacks: it loads the SDK, accepts timestamps from the future, and fails on bodies
that are not UTF-8.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.adapters.gateways.stripe.states import TOP_UP_ID
from chalicelib.domain.money.top_ups.models import InvalidSignature, Notice

SIGNATURE_HEADER: Final = "stripe-signature"
TOLERANCE_SECONDS: Final = 300
"""In both directions. Stripe signs each delivery attempt anew, so even retries after days are within it."""

_HEADER_LIMIT: Final = 4096
_TIMESTAMP: Final = re.compile(r"\d{1,12}", re.ASCII)


def verify_signature(raw_body: bytes, header: str, secrets: Iterable[str], now: datetime) -> None:
    """Check that Stripe signed `raw_body` with one of `secrets`, within the time window.

    Raises:
        InvalidSignature: the signature does not match, is too old, or is from the future.
    """
    timestamp, signatures = _parts(header)
    signed = timestamp.encode() + b"." + raw_body
    expected = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    # Every pair is compared, so that the time does not reveal which secret or signature came close.
    matches = [
        hmac.compare_digest(ours.encode(), theirs.encode(errors="replace"))
        for ours in expected
        for theirs in signatures
    ]
    if not any(matches):
        raise InvalidSignature("no signature of the header is Stripe's over this body")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise InvalidSignature(f"signed more than {TOLERANCE_SECONDS} seconds from now")


def _parts(header: str) -> tuple[str, list[str]]:
    """The timestamp, as text, and the v1 signatures of `t=…,v1=…,v1=…,v0=…`."""
    if len(header) > _HEADER_LIMIT:
        raise InvalidSignature("the signature header is too long")
    pairs = [part.strip().split("=", 1) for part in header.split(",")]
    timestamps = [pair[1] for pair in pairs if pair[0] == "t" and len(pair) == 2]
    signatures = [pair[1] for pair in pairs if pair[0] == "v1" and len(pair) == 2]
    if len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0]):
        raise InvalidSignature("the signature header has no timestamp, or several")
    return timestamps[0], signatures


def notice_of(raw_body: bytes) -> Notice:
    """The notice in a verified event.

    Raises:
        InvalidSignature: the body is signed, but is not an event: it is from another product of Stripe, or our
        mistake.
    """
    try:
        event = json.loads(raw_body)
        about: Mapping[str, Any] = event["data"]["object"]
        return Notice(str(event["id"]), str(event["type"]), _provider_id(about), _reference(about))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidSignature("signed, but not an event with an object") from error


def _provider_id(about: Mapping[str, Any]) -> str | None:
    """The id to fetch; events of charges, refunds and disputes lead to their payment intent."""
    kind = about.get("object")
    if kind in {"payment_intent", "checkout.session", "setup_intent"}:
        return str(about["id"])
    if kind in {"charge", "refund", "dispute"}:
        intent = about.get("payment_intent")
        return intent if isinstance(intent, str) else None
    return None


def _reference(about: Mapping[str, Any]) -> str | None:
    metadata = about.get("metadata") or {}
    reference = metadata.get(TOP_UP_ID) or about.get("client_reference_id")
    return reference if isinstance(reference, str) else None
