"""Errors of spend caps."""

from chalicelib.kernel.errors import HearthError


class SpendCapReached(HearthError):
    code, status = "SPEND_CAP_REACHED", 402
    sentence = "The spend cap leaves no room for this; raise it, or wait until it starts anew."
