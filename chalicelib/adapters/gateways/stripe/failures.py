"""Translates the SDK's exceptions to the errors of the gateway port."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from chalicelib.domain.money.top_ups.models import GatewayBusy, GatewayError, GatewayRefused, GatewayUnreachable

if TYPE_CHECKING:
    from stripe import StripeError

_SENTENCES: Final[Mapping[str, str]] = {
    "amount": "This amount is too small, too large, or more than is left of the payment.",
    "amount_too_large": "This amount is more than a card payment can be.",
    "amount_too_small": "This amount is less than a card payment can be.",
    "charge_already_refunded": "This payment has been refunded already.",
    "charge_disputed": "This payment is disputed; it cannot be refunded.",
    "payment_intent_unexpected_state": "This payment has gone too far, or not far enough, for that.",
    "resource_missing": "There is no such payment.",
}
"""By Stripe's error code, or by the refused parameter: too large a refund has no code."""


@contextmanager
def gateway_errors(doing: str) -> Iterator[None]:
    """Translate the SDK's exceptions to the port's; `doing` tells staff what was tried."""
    from stripe import StripeError

    try:
        yield
    except StripeError as error:
        raise gateway_error(error, doing) from error


def gateway_error(error: "StripeError", doing: str) -> GatewayError:
    """The port's error for the SDK's. Its text has Stripe's message and request id, and no secret."""
    import stripe

    status = error.http_status
    text = (
        f"{doing}: {status or 'no answer'} {error.code or ''} {error.user_message or ''} {error.request_id or ''}"
    )
    text = " ".join(text.split())
    if isinstance(error, stripe.CardError):
        return GatewayRefused(text, error.user_message or "The card was declined.")
    if status == 409 or isinstance(error, stripe.RateLimitError):
        return GatewayBusy(text)  # 409: the first request with this idempotency key is still being answered
    if status in {401, 403}:
        return GatewayError(text)
    if status in {400, 402, 404}:
        told_by: tuple[str | None, ...] = (error.code, getattr(error, "param", None))
        sentence = next((_SENTENCES[word] for word in told_by if word and word in _SENTENCES), None)
        return GatewayRefused(text, sentence) if sentence else GatewayRefused(text)
    return GatewayUnreachable(text)
