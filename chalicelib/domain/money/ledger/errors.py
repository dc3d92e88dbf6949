"""Errors of a balance that does not suffice."""

from chalicelib.kernel.errors import HearthError


class InsufficientBalance(HearthError):
    code, status = "INSUFFICIENT_BALANCE", 402
    sentence = "The available balance does not cover this; add funds first."


class AccountSuspended(HearthError):
    code, status = "ACCOUNT_SUSPENDED", 402
    sentence = "Your balance has run out and your machines are switched off; add funds to go on."
