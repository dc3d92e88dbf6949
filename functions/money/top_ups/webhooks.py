"""Payment gateways' webhooks. Their content is not believed: the worker fetches the state from the gateway.

Each gateway has a function URL of its own. The same handlers are also behind the API, for gateways that need one
host.
"""

from collections.abc import Mapping

from chalicelib.domain.money.top_ups.models import InvalidSignature
from chalicelib.http import PlainText, RawRequest, endpoint
from chalicelib.kernel.errors import InvalidInput
from chalicelib.runtime.grants import HAND_OVER_NOTICES, PAYMENT_ACCESS, TABLE_READ, TABLE_WRITE
from chalicelib.runtime.observe import logger
from chalicelib.runtime.triggers import webhook
from chalicelib.wiring.app import app
from functions.money.top_ups.schemas import WebhookReceived

_GRANTS = (TABLE_READ, TABLE_WRITE, PAYMENT_ACCESS, HAND_OVER_NOTICES)
_MORE = (PAYMENT_ACCESS, HAND_OVER_NOTICES)


def _receive(gateway: str, raw: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """Handle a webhook; the HTTP status and text that the gateway expects."""
    try:
        state = app().money.webhooks.receive(gateway, raw, headers)
    except InvalidSignature as invalid:
        logger.warning("webhook refused", gateway=gateway, reason=str(invalid))
        return 400, "invalid signature"
    logger.info("webhook received", gateway=gateway, state=state)
    return 200, "ok"


def _text_of(gateway: str, raw: RawRequest) -> str:
    """Handle a webhook; only the text, for one that was accepted."""
    status, text = _receive(gateway, raw.body, raw.headers)
    if status != 200:
        raise InvalidInput.of("signature", f"{text.capitalize()}.")
    return text


def _received(gateway: str, raw: RawRequest) -> WebhookReceived:
    """The same, in the API's response format."""
    _text_of(gateway, raw)
    return WebhookReceived(received=True)


@webhook("stripe", grants=_GRANTS)
def stripe_webhook(raw: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """Receive a webhook from Stripe."""
    return _receive("stripe", raw, headers)


@webhook("btcpay", grants=_GRANTS)
def btcpay_webhook(raw: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """Receive a webhook from BTCPay Server."""
    return _receive("btcpay", raw, headers)


@webhook("oxapay", grants=_GRANTS)
def oxapay_webhook(raw: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """Receive a webhook from OxaPay, which expects the answer `ok`."""
    return _receive("oxapay", raw, headers)


@webhook("paypal", grants=_GRANTS)
def paypal_webhook(raw: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """Receive a webhook from PayPal."""
    return _receive("paypal", raw, headers)


@webhook("bank", grants=_GRANTS)
def bank_webhook(raw: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """Receive a webhook from the bank."""
    return _receive("bank", raw, headers)


@endpoint(
    "POST",
    "/billing/webhooks/card-provider",
    aliases=(("POST", "/v1/webhooks/stripe"),),
    public=True,
    rate_limited=False,
    grants=_MORE,
)
def receive_card_webhook(raw: RawRequest) -> WebhookReceived:
    """Receive a webhook from the card provider, on the API's own host."""
    return _received("stripe", raw)


@endpoint("POST", "/billing/webhooks/crypto-provider", public=True, rate_limited=False, grants=_MORE)
def receive_crypto_webhook(raw: RawRequest) -> PlainText:
    """Receive a webhook from a crypto provider, on the API's own host; its signature header shows which one.

    OxaPay repeats a webhook until the answer is exactly `ok`; BTCPay accepts any success.
    """
    return PlainText(_text_of("btcpay" if "btcpay-sig" in raw.headers else "oxapay", raw))


@endpoint("POST", "/billing/webhooks/bank-provider", public=True, rate_limited=False, grants=_MORE)
def receive_bank_webhook(raw: RawRequest) -> WebhookReceived:
    """Receive a webhook from the bank, on the API's own host."""
    return _received("bank", raw)


@endpoint("POST", "/billing/webhooks/paypal", public=True, rate_limited=False, grants=_MORE)
def receive_paypal_webhook(raw: RawRequest) -> WebhookReceived:
    """Receive a webhook from PayPal, on the API's own host."""
    return _received("paypal", raw)
