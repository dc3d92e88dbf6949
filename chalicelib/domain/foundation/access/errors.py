"""Errors of authorisation."""

from chalicelib.kernel.errors import HearthError


class AddressNotAllowed(HearthError):
    code, status = "ADDRESS_NOT_ALLOWED", 403
    sentence = "This API key may not be used from the address that the request came from."


class CustomerBlocked(HearthError):
    code, status = "CUSTOMER_BLOCKED", 403
    sentence = "This account is blocked: you can read, pay and delete machines; ask support about the rest."


class TwoFactorRequired(HearthError):
    code, status = "TWO_FACTOR_REQUIRED", 403
    sentence = "Staff need a second factor for this: set it up at /security/2fa/setup, or sign in with it."
