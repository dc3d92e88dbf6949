"""Errors of the second factor."""

from chalicelib.kernel.errors import HearthError


class InvalidTwoFactorCode(HearthError):
    code, status = "INVALID_TWO_FACTOR_CODE", 403
    sentence = "The code is wrong, has expired or was used before; wait for the next one."
