"""Errors of payment gateways, as the API returns them."""

from chalicelib.kernel.errors import HearthError


class PaymentProviderError(HearthError):
    code, status = "PAYMENT_PROVIDER_ERROR", 502
    sentence = "The payment provider did not answer as it should; nothing was charged twice, try again."
